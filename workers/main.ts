import { ConfigError, loadEnvFile, readConfig } from '../src/config.ts';
import { createLog } from '../src/log.ts';
import { openFoundation } from '../src/service.ts';
import { createShutdown, stopOnSignals } from '../src/shutdown.ts';
import { readWorkerConfig } from './config.ts';
import { startWorkers } from './start-workers.ts';

/** A worker process: takes the queues that QUEUES names. The embedded database belongs to one process, which is `npm start`. */
try {
  loadEnvFile();
  const config = readConfig();
  const workerConfig = readWorkerConfig();
  if (config.tier === 'embedded')
    throw new ConfigError([
      'DATABASE_URL must be set for a separate worker; without it, npm start runs everything.',
    ]);
  const log = createLog(config.LOG_LEVEL);
  const shutdown = createShutdown(log, config.SHUTDOWN_SECONDS);
  stopOnSignals(shutdown, log);
  await startWorkers(await openFoundation(config, log, shutdown), workerConfig);
} catch (error) {
  process.stderr.write(`${error instanceof ConfigError ? error.message : (error as Error).stack}\n`);
  process.exit(1);
}
