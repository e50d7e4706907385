import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { beat, heartbeatMs, stopBeating } from '../src/db/heartbeats.ts';
import { endAllLeases } from '../src/db/lost.ts';
import { AppError } from '../src/errors.ts';
import type { QueueName } from '../src/jobs/job.ts';
import { createLivePolicies } from '../src/learning/live-policy.ts';
import type { Foundation } from '../src/service.ts';
import type { WorkerConfig } from './config.ts';
import type { WorkerTools } from './context.ts';
import { openFetcher } from './ingestion/open-fetcher.ts';
import { createParserPool } from './ingestion/parse-isolated.ts';
import { parserRegistryUrl } from './ingestion/parser-registry-url.ts';
import type { Llm } from './llm/llm.ts';
import { conditionsOf } from './llm/llms.ts';
import { openModels } from './llm/open-models.ts';
import { runQueue } from './run-queue.ts';
import { startSchedule } from './schedule.ts';
import { openToolbox } from './tools/open-toolbox.ts';
import { openWebhookSender } from './webhook/open-sender.ts';

/** Share of the shutdown deadline that running jobs get to end by themselves before they are aborted. */
const patience = 0.6;

/**
 * Starts a worker for every queue of the configuration; they stop, in order, with the foundation's shutdown. Resolves with
 * what their handlers are given.
 */
export async function startWorkers(foundation: Foundation, workerConfig: WorkerConfig): Promise<WorkerTools> {
  const { config, db, embedders, flags, log, metrics, notifications, queues, search, shutdown } = foundation;
  const parsers = createParserPool({
    timeoutMs: workerConfig.PARSE_TIMEOUT_SECONDS * 1000,
    memoryMb: workerConfig.PARSE_MEMORY_MB,
    size: workerConfig.PARSE_PROCESSES,
    registryUrl: parserRegistryUrl({ ocr: workerConfig.OCR }),
    totalMemoryMb: workerConfig.PARSE_TOTAL_MEMORY_MB,
  });
  shutdown.add('parsers', parsers.close);
  const llm = openModels(config, workerConfig, metrics);
  const toolbox = await openToolbox(foundation, { ...config, ...workerConfig });
  const tools: WorkerTools = {
    config: { ...config, ...workerConfig },
    db,
    notifications,
    enqueue: queues.enqueue,
    holds: queues.holds,
    search,
    classification: foundation.classification,
    embedders,
    llm,
    policies: createLivePolicies(db, config.LEARNING_POLICY, log),
    parsers,
    fetchUrl: openFetcher({ ...config, ...workerConfig }),
    webhooks: await openWebhookSender({ ...config, ...workerConfig }),
    flags,
    toolbox,
    metrics,
  };
  // The embedded tier belongs to one process: what its predecessor held when it was killed is free now.
  if (config.tier === 'embedded') await endAllLeases(db);
  const stop = new AbortController();
  const taken = takenQueues(workerConfig, tools, log);
  const workers = taken.map((queue) => runQueue(queue, { tools, queues, log, stop: stop.signal }));
  shutdown.add('workers', async () => {
    const impatient = setTimeout(
      () => stop.abort(new AppError('shutting_down', 'The worker is shutting down.')),
      config.SHUTDOWN_SECONDS * patience * 1000,
    );
    await Promise.all(workers.map((worker) => worker.close()));
    clearTimeout(impatient);
  });
  startSchedule(foundation);
  await startHeartbeat(foundation, taken, workerConfig.WORKER_CONCURRENCY, llm);
  log.info(
    {
      queues: taken,
      concurrency: workerConfig.WORKER_CONCURRENCY,
      llm: llm?.model ?? 'none',
    },
    'working',
  );
  return tools;
}

/** Deliveries wait for a worker that can sign them. */
function takenQueues(
  { QUEUES }: WorkerConfig,
  { webhooks }: WorkerTools,
  log: Foundation['log'],
): QueueName[] {
  if (webhooks || !QUEUES.includes('webhook')) return QUEUES;
  log.info('this worker sends no webhooks: SECRET_KEY, which opens their secrets, is not set for it');
  return QUEUES.filter((queue) => queue !== 'webhook');
}

async function startHeartbeat(
  { db, log, shutdown }: Foundation,
  queues: readonly string[],
  concurrency: number,
  llm: Llm | null,
): Promise<void> {
  const id = randomUUID();
  const name = `${hostname()}:${process.pid}`;
  const models = () =>
    Object.fromEntries(conditionsOf(llm).map(({ model, condition }) => [model, condition]));
  await beat(db, id, name, queues, concurrency, models(), process.memoryUsage.rss());
  const timer = setInterval(() => {
    beat(db, id, name, queues, concurrency, models(), process.memoryUsage.rss()).catch((error) =>
      log.warn({ err: error }, 'heartbeat failed'),
    );
  }, heartbeatMs);
  shutdown.add('heartbeat', async () => {
    clearInterval(timer);
    await stopBeating(db, id);
  });
}
