import { fork } from 'node:child_process';
import { type Config, ConfigError, loadEnvFile, readConfig } from '../src/config.ts';
import { createLog, type Log } from '../src/log.ts';
import { createShutdown, stopOnSignals } from '../src/shutdown.ts';
import { environmentWith, readWorkerConfig, type WorkerConfig } from './config.ts';
import { supervise } from './supervise.ts';

/**
 * `npm run worker`: takes the queues that QUEUES names. The embedded database belongs to one process, which is `npm start`.
 * With WORKER_PROCESSES above 1 this process does no work itself but keeps so many of its kind running.
 */
async function run(): Promise<void> {
  loadEnvFile();
  const config = readConfig(undefined, 'worker');
  const workerConfig = readWorkerConfig();
  if (config.tier === 'embedded')
    throw new ConfigError([
      'DATABASE_URL must be set for a separate worker; without it, npm start runs everything.',
    ]);
  const log = createLog(config.LOG_LEVEL);
  if (workerConfig.WORKER_PROCESSES === 1) await work(config, workerConfig, log);
  else process.exit(await superviseWorkers(config, workerConfig, log));
}

async function work(config: Config, workerConfig: WorkerConfig, log: Log): Promise<void> {
  // Loaded here, because a supervisor needs none of it: models and parsers are most of a worker's memory.
  const [{ openFoundation }, { startWorkers }, { openProbes }] = await Promise.all([
    import('../src/service.ts'),
    import('./start-workers.ts'),
    import('./probes.ts'),
  ]);
  const shutdown = createShutdown(log, config.SHUTDOWN_SECONDS);
  stopOnSignals(shutdown, log);
  if (process.channel) obeySupervisor(() => shutdown.run(), log);
  const foundation = await openFoundation(config, log, shutdown);
  const probes =
    workerConfig.WORKER_PORT > 0 ? await openProbes(foundation, workerConfig.WORKER_PORT) : undefined;
  await startWorkers(foundation, workerConfig);
  probes?.started();
}

/** A supervised worker ends with its supervisor, however that one ended. */
function obeySupervisor(stop: () => Promise<void>, log: Log): void {
  process.once('disconnect', () => {
    log.warn('the supervisor is gone; stopping');
    void stop().then(() => process.exit(1));
  });
  // Ctrl-C and systemd reach every process of the group, and the supervisor passes its signal on: the second one of a kind
  // must not kill what the first one is ending in order.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => undefined);
}

function superviseWorkers(config: Config, { WORKER_PROCESSES, WORKER_PORT }: WorkerConfig, log: Log) {
  const [, script = ''] = process.argv;
  log.info({ processes: WORKER_PROCESSES, pid: process.pid }, 'supervising');
  return supervise({
    count: WORKER_PROCESSES,
    deadlineSeconds: config.SHUTDOWN_SECONDS,
    log,
    start: (n) =>
      fork(script, {
        env: environmentWith({
          WORKER_PROCESSES: '1',
          WORKER_PORT: String(WORKER_PORT > 0 ? WORKER_PORT + n : 0),
        }),
      }),
  });
}

try {
  await run();
} catch (error) {
  process.stderr.write(`${error instanceof ConfigError ? error.message : (error as Error).stack}\n`);
  process.exit(1);
}
