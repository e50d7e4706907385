import type { Request } from 'express';
import { type Access, principalOf } from '../access.ts';
import { findBatch } from '../db/batches.ts';
import {
  appendItems,
  beginReceiving,
  dropReceiving,
  endReceiving,
  extendReceiving,
  type ReceivedItem,
  type Receiving,
} from '../db/receiving.ts';
import { AppError, asAppError, summarise } from '../errors.ts';
import { nudgeIngestion } from '../jobs/nudge-versions.ts';
import { urlPolicy } from '../net/url-policy.ts';
import type { ApiContext } from './app.ts';
import { waitForRoom } from './backpressure.ts';
import { inProgress } from './idempotency.ts';
import { decoded, readLines } from './read-lines.ts';
import { type ItemDefaults, mostLineBytes, readItem } from './received-line.ts';
import type { Caller } from './route.ts';
import { unhurried } from './unhurried-lines.ts';

/** Lines a transaction: others come between, and what is held in memory stays small. */
const mostLines = 100;
const mostBytes = 2 * 1024 * 1024;
const signOfLifeMs = 5000;

export interface ReceiveOptions {
  id: string;
  caller: Caller;
  defaults: ItemDefaults;
  /** Called every few seconds while lines come. */
  stillHere: () => Promise<void>;
}

/**
 * Takes the lines of a request in as items of a batch, a transaction every hundred: what is in stays in, and is worked on,
 * whatever becomes of the rest; the batch then says why there is no more. A batch that an earlier try of the same request began
 * goes on after its last line. Resolves with the digest of the body. Throws `validation_failed` for an empty stream,
 * `idempotency_mismatch` when it begins otherwise than that try, `queue_full` when no room was made in time.
 */
export async function receiveBatch(
  context: ApiContext,
  raw: Request,
  options: ReceiveOptions,
): Promise<string> {
  const { db } = context;
  const receiving = await beginReceiving(db, options.id, options.caller.id);
  if (!receiving) {
    if ((await findBatch(db, options.id, principalOf(options.caller)))?.cancelled_at)
      throw new AppError('conflict', 'The batch of this Idempotency-Key was cancelled: use a new one.');
    throw inProgress();
  }
  const stop = new AbortController();
  const timer = setInterval(() => {
    Promise.all([extendReceiving(db, receiving), options.stillHere()]).catch((error) => {
      if (error instanceof AppError && error.code === 'conflict') stop.abort(error);
      else context.log.warn({ err: error }, 'could not say that a batch is still being received');
    });
  }, signOfLifeMs);
  const onStop = () => stop.abort(new AppError('shutting_down', 'The process is shutting down.'));
  context.stopping.addEventListener('abort', onStop, { once: true });
  try {
    const digest = await takeIn(context, raw, receiving, options, stop.signal);
    await endReceiving(db, receiving, null);
    return digest;
  } catch (thrown) {
    const error = cutOff(raw, stop.signal.aborted ? stop.signal.reason : thrown, receiving);
    if (receiving.total === 0) await dropReceiving(db, receiving);
    else if (error.code === 'idempotency_mismatch') await endReceiving(db, receiving, undefined);
    else await endReceiving(db, receiving, summarise(error));
    throw error;
  } finally {
    clearInterval(timer);
    context.stopping.removeEventListener('abort', onStop);
  }
}

async function takeIn(
  context: ApiContext,
  raw: Request,
  receiving: Receiving,
  { defaults, caller }: ReceiveOptions,
  signal: AbortSignal,
): Promise<string> {
  const { config } = context;
  const accept = {
    apiKeyId: caller.id,
    access: caller.access,
    createPaths: config.AUTO_CREATE_TAXONOMY,
    piiPolicy: config.PII_POLICY,
  };
  const forMs = config.STREAM_PATIENCE_SECONDS * 1000;
  const known = receiving.total;
  let digest: string | undefined;
  let group: ReceivedItem[] = [];
  let bytes = 0;
  const flush = async () => {
    const items = group;
    if (items.length === 0) return;
    // Not kept for another go: after a failure nobody knows whether they are in.
    group = [];
    bytes = 0;
    await waitForRoom(context, 'ingestion', { wanted: items.length, forMs, signal });
    const accepted = await append(context, receiving, items, accept);
    await nudgeIngestion({ db: context.db, enqueue: context.queues.enqueue }, accepted);
  };
  let n = 0;
  try {
    for await (const line of unhurried(readLines(decoded(raw), mostLineBytes), signal, flush)) {
      digest = line.digest;
      if (n++ < known) {
        if (n === known && digest !== receiving.hash) throw mismatch();
        continue;
      }
      group.push(readItem(line, defaults, urlPolicy(config)));
      bytes += line.bytes?.length ?? 0;
      if (group.length >= mostLines || bytes >= mostBytes) await flush();
    }
  } catch (error) {
    // Lines that came whole are kept, unless there is no place to keep them.
    if (!(error instanceof AppError) && !signal.aborted) await flush();
    throw error;
  }
  await flush();
  if (n < known) throw mismatch();
  if (digest === undefined) throw noLine();
  return digest;
}

/** Documents that can't be accepted must not keep the others out: halves are tried until the one is found that is to blame. */
async function append(
  context: ApiContext,
  receiving: Receiving,
  items: readonly ReceivedItem[],
  options: { apiKeyId: string; createPaths: boolean; access: Access | undefined },
): ReturnType<typeof appendItems> {
  try {
    const accepted = await appendItems(context.db, receiving, items, options);
    receiving.total += items.length;
    return accepted;
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'conflict' || error.retryable) throw error;
    const [only] = items;
    if (items.length === 1 && only) {
      const refused = { externalId: only.externalId, digest: only.digest, error: summarise(error) };
      return append(context, receiving, [refused], options);
    }
    const half = Math.ceil(items.length / 2);
    const first = await append(context, receiving, items.slice(0, half), options);
    return [...first, ...(await append(context, receiving, items.slice(half), options))];
  }
}

/** Why fewer lines came than were to be sent, with what is to be done about it. */
function cutOff(raw: Request, thrown: unknown, { id, total }: Receiving): AppError {
  const gone = !(thrown instanceof AppError) && raw.readableAborted;
  const error = gone
    ? new AppError('upload_cut_off', 'The connection broke off.', { cause: thrown })
    : asAppError(broken(thrown));
  if (total === 0) return error;
  const { code, message, retryAfter, cause } = error;
  const detail = `${message} Batch ${id} holds the first ${total} line(s) and goes on with them; send the same lines again with the same Idempotency-Key to add the rest, or the rest as another batch.`;
  return new AppError(code, detail, { cause, ...(retryAfter === undefined ? {} : { retryAfter }) });
}

/** A body that can't be unpacked is its sender's. */
function broken(thrown: unknown): unknown {
  const { code } = (thrown ?? {}) as { code?: string };
  if (typeof code !== 'string' || !/^(Z_|ERR_BROTLI|ERR__ERROR)/.test(code)) return thrown;
  return new AppError('upload_cut_off', 'The body could not be unpacked as its Content-Encoding says.', {
    cause: thrown,
  });
}

function noLine(): AppError {
  return new AppError('validation_failed', 'The stream has no line: send one JSON object a line.', {
    errors: [{ pointer: '', message: 'send at least one line' }],
  });
}

function mismatch(): AppError {
  return new AppError(
    'idempotency_mismatch',
    'This Idempotency-Key was used with lines that begin otherwise: use a new one.',
  );
}
