import { ConfigError, loadEnvFile } from '../src/config.ts';
import { createLog } from '../src/log.ts';
import { stopOnSignals } from '../src/shutdown.ts';
import { startStandalone } from './standalone.ts';

/** `npm start`: the whole service in one process. */
try {
  loadEnvFile();
  const service = await startStandalone();
  stopOnSignals(service.shutdown, createLog('info'));
  if (service.adminKeyIsNew) {
    process.stdout.write(
      `\nAdmin API key (shown once, kept in DATA_DIR/admin-api-key):\n  ${service.adminKey}\n`,
    );
  }
  process.stdout.write(`\nDT-RAG is ready: ${service.url}/docs\n\n`);
} catch (error) {
  process.stderr.write(`${error instanceof ConfigError ? error.message : (error as Error).stack}\n`);
  process.exit(1);
}
