import { type Environment, readConfig } from '../src/config.ts';
import { createLog } from '../src/log.ts';
import { openApi, openFoundation } from '../src/service.ts';
import { createShutdown, type Shutdown } from '../src/shutdown.ts';
import { readWorkerConfig } from './config.ts';
import { startWorkers } from './start-workers.ts';

export interface Standalone {
  url: string;
  adminKey: string;
  adminKeyIsNew: boolean;
  shutdown: Shutdown;
  stop(): Promise<void>;
}

/** API and workers in one process: the whole embedded tier, and a small setup on real Postgres. Handles no signals. */
export async function startStandalone(environment?: Environment): Promise<Standalone> {
  const config = readConfig(environment);
  const workerConfig = readWorkerConfig(environment);
  const log = createLog(config.LOG_LEVEL);
  const shutdown = createShutdown(log, config.SHUTDOWN_SECONDS);
  try {
    const foundation = await openFoundation(config, log, shutdown);
    await startWorkers(foundation, workerConfig);
    const api = await openApi(foundation);
    return { ...api, shutdown, stop: () => shutdown.run() };
  } catch (error) {
    await shutdown.run();
    throw error;
  }
}
