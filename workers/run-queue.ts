import { DelayedError, type Job, RateLimitError, UnrecoverableError, type Worker } from 'bullmq';
import { AppError, asAppError, summarise } from '../src/errors.ts';
import { catalog, type JobName } from '../src/jobs/catalog.ts';
import type { QueueName } from '../src/jobs/job.ts';
import { holdLimit, type Queues } from '../src/jobs/queues.ts';
import type { Log } from '../src/log.ts';
import type { Context, Handler, WorkerTools } from './context.ts';
import { handlers } from './handlers.ts';

interface RunOptions {
  tools: WorkerTools;
  queues: Queues;
  log: Log;
  /** Aborts when the process has run out of patience with what still runs. */
  stop: AbortSignal;
}

/** The only consumer of a queue: parse the payload, time, log, retry or give up, report. Handlers know none of it. */
export function runQueue(queue: QueueName, { tools, queues, log, stop }: RunOptions): Worker {
  const worker = queues.openWorker(
    queue,
    (job, token, signal) =>
      deliver(job, {
        putOff: (ms) => job.moveToDelayed(Date.now() + ms, token),
        tools,
        log,
        hold: (ms) => queues.hold(queue, ms),
        signals: signal ? [signal, stop] : [stop],
      }),
    {
      concurrency: tools.config.WORKER_CONCURRENCY,
      lockDuration: 30_000,
      stalledInterval: 15_000,
      // A killed worker is no fault of the job; with the default of 1 a job is lost at its second kill.
      maxStalledCount: 5,
      ...(queue === 'embedding' ? { limiter: { max: holdLimit, duration: 1000 } } : {}),
    },
  );
  worker.on('error', (error) => log.warn({ queue, err: error }, 'queue store trouble'));
  worker.on('stalled', () => tools.metrics.jobsStalled.inc({ queue }));
  return worker;
}

interface Delivery {
  tools: WorkerTools;
  log: Log;
  /** Keeps every worker from this queue for so long. */
  hold: (ms: number) => Promise<void>;
  /** Puts this job off for so long, without losing an attempt. */
  putOff: (ms: number) => Promise<void>;
  signals: AbortSignal[];
}

async function deliver(job: Job, { tools, log: parent, hold, putOff, signals }: Delivery): Promise<void> {
  const name = job.name as JobName;
  const definition = catalog[name];
  if (!definition) throw new UnrecoverableError(`there is no job ${job.name}`);
  const { queue, timeoutMs } = definition;
  const log = parent.child({ job: name, jobId: job.id, attempt: job.attemptsMade + 1 });
  const payload = definition.payload.safeParse(job.data);
  if (!payload.success) throw new UnrecoverableError(`the payload does not fit: ${payload.error.message}`);
  const context: Context = {
    ...tools,
    log,
    signal: AbortSignal.any([...signals, AbortSignal.timeout(timeoutMs)]),
  };
  tools.metrics.jobWaitSeconds.observe(
    { queue, job: name },
    Math.max(0, Date.now() - job.timestamp - job.delay) / 1000,
  );
  const end = tools.metrics.jobSeconds.startTimer({ queue, job: name });
  const started = performance.now();
  try {
    await (handlers[name] as Handler<JobName>).run(payload.data as never, context);
    end({ outcome: 'ok' });
    log.debug({ ms: Math.round(performance.now() - started) }, 'done');
  } catch (thrown) {
    await waitForProvider(hold, thrown, context);
    await waitForModel(putOff, thrown, context);
    end({ outcome: await fail(job, payload.data, thrown, context) });
  }
}

/**
 * A provider that says when to come back (429) holds the whole queue until then: the job goes back without losing an
 * attempt, and no other one runs into the same wall.
 */
async function waitForProvider(
  hold: Delivery['hold'],
  thrown: unknown,
  { log, signal }: Context,
): Promise<void> {
  const { code, retryable, retryAfter } = asAppError(thrown);
  if (code !== 'embedding_unavailable' || !retryable || retryAfter === undefined || signal.aborted) return;
  log.warn({ code, seconds: retryAfter }, 'the provider is over its limit: the queue waits');
  await hold(Math.min(retryAfter, 300) * 1000);
  throw new RateLimitError();
}

/**
 * An answer that may wait for its language model until that is to come back (429) is put off without losing an attempt. Not
 * the queue: others may have a deadline before that, and each process knows by itself to leave the model alone.
 */
async function waitForModel(
  putOff: Delivery['putOff'],
  thrown: unknown,
  { log, signal }: Context,
): Promise<void> {
  const { code, retryAfter } = asAppError(thrown);
  if (code !== 'llm_rate_limited' || retryAfter === undefined || signal.aborted) return;
  log.warn({ code, seconds: retryAfter }, 'the language model is over its limit: the answer waits');
  await putOff(retryAfter * 1000);
  throw new DelayedError();
}

/** Decides what a failure means. Returns the outcome when the delivery is dropped; throws for BullMQ to retry or to give up. */
async function fail(job: Job, payload: unknown, thrown: unknown, context: Context): Promise<string> {
  const name = job.name as JobName;
  const { queue, attempts } = catalog[name];
  const error = asFailure(thrown, context);
  if (error.code === 'lease_lost') {
    context.log.info('dropped: another worker has this row, or it was cancelled');
    return 'dropped';
  }
  const timer = context.metrics.jobSeconds;
  const message = `${error.code}: ${error.message}`;
  if (error.retryable && job.attemptsMade + 1 < attempts) {
    context.log.warn({ code: error.code, err: error.cause ?? error }, 'failed, will be tried again');
    timer.observe({ queue, job: name, outcome: 'retry' }, 0);
    throw new Error(message);
  }
  const summary = summarise(
    error.retryable
      ? new AppError('gave_up', `Given up after ${attempts} attempts. Last: ${error.message}`)
      : error,
  );
  await (handlers[name] as Handler<JobName>).giveUp?.(payload as never, summary, context);
  context.metrics.jobsGivenUp.inc({ queue, job: name, reason: error.code });
  // A bad document is its owner's business; what we could not do after every attempt is ours.
  context.log[error.retryable ? 'error' : 'info'](
    { code: error.code, err: error.cause ?? error },
    'given up',
  );
  throw new UnrecoverableError(message);
}

function asFailure(thrown: unknown, { signal }: Context): AppError {
  if (signal.aborted && !(thrown instanceof AppError)) {
    const late = signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError';
    if (late) return new AppError('deadline_exceeded', 'The job ran into its time limit.', { cause: thrown });
    return asAppError(
      signal.reason instanceof AppError
        ? signal.reason
        : new AppError('shutting_down', 'The worker is shutting down.'),
    );
  }
  return asAppError(thrown);
}
