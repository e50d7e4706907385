import type { JobsOptions, Queue } from 'bullmq';
import { bounded, within } from '../bounded.ts';
import type { Config } from '../config.ts';
import type { Database } from '../db/connect.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { catalog, type JobName, type PayloadOf } from './catalog.ts';
import { type QueueName, queueNames } from './job.ts';
import type { Store } from './store.ts';
import { openPostgresStore } from './store-postgres.ts';
import { openRedisStore } from './store-redis.ts';

export interface EnqueueOptions {
  /** 1 is first, as BullMQ has it; 0 goes before all. One for all payloads, or one each. */
  priority?: number | readonly number[];
  delayMs?: number;
}

export type Enqueue = <N extends JobName>(
  name: N,
  payloads: readonly PayloadOf<N>[],
  options?: EnqueueOptions,
) => Promise<boolean>;

export type Holds = <N extends JobName>(name: N, payloads: readonly PayloadOf<N>[]) => Promise<boolean[]>;

export interface QueueDepth {
  waiting: number;
  active: number;
  delayed: number;
  failed: number;
  completed: number;
  oldest_waiting_seconds: number | null;
}

export interface Queues {
  /**
   * Nudges: adds a job a payload. False when the store did not take them in time, which is logged and harmless: the rows
   * stay queued and requeueLost nudges them again. Throws only for a payload that does not fit the catalog.
   */
  enqueue: Enqueue;
  /** Whether a job for each payload waits or runs. Throws when the store does not answer. */
  holds: Holds;
  /** For the board, which shows what the store holds. */
  list: Queue[];
  /** Depth of every queue, at most a second old; undefined when their store does not answer within two seconds. */
  depths(): Promise<ReadonlyMap<QueueName, QueueDepth> | undefined>;
  /** Keeps every worker from the queue for so long; needs workers with a limiter of `holdLimit`. */
  hold(queue: QueueName, ms: number): Promise<void>;
  /** What keeps workers from the queue; undefined when its store does not answer within two seconds. */
  stopped(queue: QueueName): Promise<QueueStop | undefined>;
  /** A consumer of a queue; run-queue.ts gives it its processor. */
  openWorker: Store['openWorker'];
  close(): Promise<void>;
}

export interface QueueStop {
  paused: boolean;
  /** Held for so much longer, milliseconds. */
  heldMs: number;
}

/** Jobs a second that no queue reaches: BullMQ only obeys a hold where a limiter is set. */
export const holdLimit = 1_000_000;

/** Opens the queues in Redis when there is one, otherwise in Postgres (also the embedded one). */
export function openQueues(config: Config, database: Database, log: Log, metrics: Metrics): Queues {
  const store = config.REDIS_URL
    ? openRedisStore(config.REDIS_URL, config.QUEUE_PREFIX, log)
    : openPostgresStore(database.openQueuePool());
  const queues = new Map(queueNames.map((name) => [name, store.open(name)]));
  for (const [name, queue] of queues)
    queue.on('error', (error) => log.warn({ queue: name, err: error }, 'queue store trouble'));
  const missed = createMissed(store, log);
  const get = (name: QueueName) => queues.get(name) as Queue;
  return {
    list: [...queues.values()],
    enqueue: async (name, payloads, options = {}) => {
      const jobs = payloads.map((payload, n) => describeJob(name, payload, options, n));
      if (jobs.length === 0) return true;
      const [first, ...others] = jobs as [(typeof jobs)[number], ...typeof jobs];
      const queue = get(catalog[name].queue);
      // One job goes without the transaction that many need.
      const add = (): Promise<unknown> =>
        within<unknown>(
          store.patienceMs,
          others.length === 0 ? queue.add(first.name, first.data, first.opts) : queue.addBulk(jobs),
        );
      try {
        if (!store.ready()) throw new Error('the store is away');
        await add();
        return true;
      } catch (error) {
        missed.keep(add, jobs.length);
        metrics.enqueueFailures.inc({ job: name }, jobs.length);
        log.warn(
          { job: name, count: jobs.length, err: error },
          'no answer from the queue store: the rows stay queued',
        );
        return false;
      }
    },
    holds: (name, payloads) => {
      const queue = get(catalog[name].queue);
      return within(10_000, Promise.all(payloads.map((payload) => holdsJob(queue, nameOf(name, payload)))));
    },
    depths: readDepths(queues, store),
    hold: (queue, ms) => get(queue).rateLimit(ms),
    stopped: async (name) => {
      if (!store.ready()) return undefined;
      const queue = get(name);
      const read = Promise.all([queue.isPaused(), queue.getRateLimitTtl(holdLimit)]);
      const [paused, heldMs] = (await bounded(read, 2000)) ?? [];
      return paused === undefined ? undefined : { paused, heldMs: Math.max(0, heldMs ?? 0) };
    },
    openWorker: store.openWorker,
    close: async () => {
      missed.stop();
      await Promise.allSettled([...queues.values()].map((queue) => queue.close()));
      await store.close();
    },
  };
}

/** Nudges kept in memory while the store takes none; beyond these, rows wait for requeueLost. */
const mostMissed = 10_000;
const againMs = 1000;

/**
 * Gives the store the nudges that it missed: when it is back, and every second while it is there but takes nothing (out of
 * memory, no connection to spare). Sooner than their rows are found to wait.
 */
function createMissed(store: Store, log: Log) {
  let adds: { add: () => Promise<unknown>; jobs: number }[] = [];
  let count = 0;
  let timer: NodeJS.Timeout | undefined;
  let busy = false;
  const later = () => {
    timer ??= setTimeout(again, againMs);
  };
  const again = async () => {
    clearTimeout(timer);
    timer = undefined;
    if (busy || !store.ready()) return;
    busy = true;
    try {
      for (let next = adds[0]; next; next = adds[0]) {
        await next.add();
        adds.shift();
        count -= next.jobs;
      }
    } catch (error) {
      log.debug({ err: error, missed: adds.length }, 'the queue store still takes no nudges');
      later();
    } finally {
      busy = false;
    }
  };
  store.onReady(() => void again());
  return {
    keep: (add: () => Promise<unknown>, jobs: number) => {
      if (count + jobs > mostMissed) return;
      count += jobs;
      adds.push({ add, jobs });
      later();
    },
    stop: () => {
      clearTimeout(timer);
      adds = [];
    },
  };
}

const keepFinished: JobsOptions = {
  removeOnComplete: { age: 3600, count: 1000 },
  removeOnFail: { age: 14 * 24 * 3600, count: 10_000 },
};

/** A job that was removed by hand may have left its name behind: it has no state. */
async function holdsJob(queue: Queue, name: string): Promise<boolean> {
  const id = await queue.getDeduplicationJobId(name);
  return id !== null && !['unknown', 'completed', 'failed'].includes(await queue.getJobState(id));
}

/** Names the work: the store takes no second job of that name while one waits or runs, or keeps one for afterwards. */
function nameOf<N extends JobName>(name: N, payload: PayloadOf<N>): string {
  return `${name}-${catalog[name].once(payload as never)}`;
}

function describeJob<N extends JobName>(
  name: N,
  payload: PayloadOf<N>,
  { priority: given, delayMs }: EnqueueOptions,
  n: number,
) {
  const definition = catalog[name];
  const priority = typeof given === 'object' ? given[n] : given;
  const data = definition.payload.parse(payload) as never;
  const opts: JobsOptions = {
    ...keepFinished,
    attempts: definition.attempts,
    backoff: { type: 'exponential', delay: 1000, jitter: 0.5 },
    deduplication: {
      id: nameOf(name, data),
      ...(definition.runsAgain ? { keepLastIfActive: true } : {}),
    },
    ...(priority ? { priority } : {}),
    ...(delayMs ? { delay: delayMs } : {}),
  };
  return { name, data, opts };
}

/** A reading serves all who ask while it is so young, … */
const depthsUsableMs = 1000;
/** … and is made anew in the background from this age on, so that nobody waits for one while some ask all the time. */
const depthsFreshMs = 500;

/** Reading every queue is a dozen queries: one at a time, for all who ask. */
function readDepths(queues: ReadonlyMap<QueueName, Queue>, store: Store): Queues['depths'] {
  type Depths = Awaited<ReturnType<Queues['depths']>>;
  let last: { at: number; value: Depths } | undefined;
  let reading: Promise<Depths> | undefined;
  const read = async () =>
    new Map(
      await Promise.all([...queues].map(async ([name, queue]) => [name, await depthOf(queue)] as const)),
    );
  const renew = async (): Promise<Depths> => {
    const at = performance.now();
    const value = await bounded(read(), 2000);
    last = { at, value };
    reading = undefined;
    return value;
  };
  return () => {
    if (!store.ready()) return Promise.resolve(undefined);
    const age = last ? performance.now() - last.at : Number.POSITIVE_INFINITY;
    if (age > depthsFreshMs) reading ??= renew();
    return age > depthsUsableMs && reading ? reading : Promise.resolve(last?.value);
  };
}

async function depthOf(queue: Queue): Promise<QueueDepth> {
  const counts = await queue.getJobCounts(
    'waiting',
    'prioritized',
    'active',
    'delayed',
    'failed',
    'completed',
  );
  const [oldest] = await queue.getJobs(['waiting', 'prioritized'], 0, 0, true);
  return {
    waiting: (counts.waiting ?? 0) + (counts.prioritized ?? 0),
    active: counts.active ?? 0,
    delayed: counts.delayed ?? 0,
    failed: counts.failed ?? 0,
    completed: counts.completed ?? 0,
    oldest_waiting_seconds: oldest ? Math.max(0, Math.round((Date.now() - oldest.timestamp) / 1000)) : null,
  };
}
