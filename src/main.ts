import { ConfigError, loadEnvFile, readConfig } from './config.ts';
import { createLog } from './log.ts';
import { openApi, openFoundation } from './service.ts';
import { createShutdown, stopOnSignals } from './shutdown.ts';

/** The API process: config → connections → app → listen → shutdown. */
try {
  loadEnvFile();
  const config = readConfig();
  const log = createLog(config.LOG_LEVEL);
  const shutdown = createShutdown(log, config.SHUTDOWN_SECONDS);
  stopOnSignals(shutdown, log);
  const foundation = await openFoundation(config, log, shutdown);
  await openApi(foundation);
} catch (error) {
  process.stderr.write(`${error instanceof ConfigError ? error.message : (error as Error).stack}\n`);
  process.exit(1);
}
