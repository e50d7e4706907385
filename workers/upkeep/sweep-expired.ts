import { sweepCachedAnswers } from '../../src/db/answer-cache.ts';
import { sweepEvents } from '../../src/db/answer-events.ts';
import { sweepRawOutputs } from '../../src/db/answer-records.ts';
import { sweepAnswers } from '../../src/db/answers.ts';
import { sweepAudit } from '../../src/db/audit.ts';
import { sweepLeftChunks } from '../../src/db/batch-changes.ts';
import { sweepUploads } from '../../src/db/blobs.ts';
import { sweepClassifyCalls } from '../../src/db/classify-checks.ts';
import { forgetDeadProcesses } from '../../src/db/heartbeats.ts';
import { sweepVersions } from '../../src/db/history.ts';
import { sweepIdempotent } from '../../src/db/idempotency.ts';
import { sweepKeptVectors } from '../../src/db/known-vectors.ts';
import { sweepBatches } from '../../src/db/learning-batches.ts';
import { sweepOriginals } from '../../src/db/originals.ts';
import { sweepCache } from '../../src/db/query-cache.ts';
import { sweepObservations } from '../../src/db/rollouts.ts';
import { sweepToolCalls } from '../../src/db/tool-calls.ts';
import { sweepDeliveries } from '../../src/db/webhook-deliveries.ts';
import type { Context, Handler } from '../context.ts';

/** Versions that one statement sweeps. */
const perTurn = 200;

/** Ends what is too late and removes what nobody can ask for any more. */
export const sweepExpired: Handler<'sweepExpired'> = {
  async run(_payload, { config, db, log, signal }) {
    const answers = await sweepAnswers(db);
    const events = await sweepAllEvents(db, config.ANSWER_EVENTS_MINUTES, signal);
    const rawOutputs = await sweepRawOutputs(db);
    const cached = await sweepCache(db, config.QUERY_CACHE_TTL_SECONDS);
    const { ANSWER_CACHE_TTL_SECONDS: ttl, ANSWER_CACHE_ENTRIES: most } = config;
    const cachedAnswers = await sweepCachedAnswers(db, ttl, most);
    const idempotencyKeys = await sweepIdempotent(db);
    const vectors = await sweepKeptVectors(db);
    const originals = await sweepOriginals(db);
    const chunks = await sweepLeftChunks(db, perTurn);
    const uploadParts = await sweepUploads(db);
    const deliveries = await sweepDeliveries(db, config.WEBHOOK_KEEP_DAYS);
    let versions = 0;
    for (let swept = perTurn; swept === perTurn && !signal.aborted; versions += swept)
      swept = await sweepVersions(db, config.VERSIONS_KEPT, perTurn);
    const auditEntries = await sweepAudit(db, config.AUDIT_DAYS);
    const toolCalls = await sweepToolCalls(db, config.AUDIT_DAYS);
    const learningBatches = await sweepBatches(db, config.AUDIT_DAYS);
    const observations = await sweepObservations(db, config.AUDIT_DAYS);
    const modelCalls = await sweepClassifyCalls(db);
    await forgetDeadProcesses(db);
    const swept = {
      auditEntries,
      events,
      rawOutputs,
      cached,
      cachedAnswers,
      deliveries,
      idempotencyKeys,
      learningBatches,
      modelCalls,
      observations,
      vectors,
      originals,
      chunks,
      toolCalls,
      uploadParts,
      versions,
    };
    if (Object.values({ ...answers, ...swept }).some((count) => count > 0))
      log.info({ ...answers, ...swept }, 'swept');
  },
};

async function sweepAllEvents(db: Context['db'], minutes: number, signal: AbortSignal): Promise<number> {
  let all = 0;
  for (let swept = perTurn; swept === perTurn && !signal.aborted; all += swept)
    swept = await sweepEvents(db, minutes, perTurn);
  return all;
}
