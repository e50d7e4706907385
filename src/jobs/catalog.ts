import { z } from 'zod';
import { defineJob, type QueueName } from './job.ts';

const seconds = 1000;
const minutes = 60 * seconds;
const nothing = z.strictObject({});
const documentVersion = z.strictObject({ documentId: z.uuid(), version: z.int().positive() });

const generation = z.strictObject({ generationId: z.uuid() });

/** All the work there is. Where each is done: workers/handlers.ts. */
export const catalog = {
  /** Bytes → text → chunks, stored; then embedChunks for every batch of them. */
  ingestDocument: defineJob({
    queue: 'ingestion',
    payload: documentVersion,
    once: ({ documentId, version }) => `${documentId}-${version}`,
    attempts: 5,
    // A text of 100 MB takes minutes; each of its windows has PARSE_TIMEOUT_SECONDS.
    timeoutMs: 60 * minutes,
  }),
  /** Vectors for the next chunks of the version that have none; the last batch makes the version live. */
  embedChunks: defineJob({
    queue: 'embedding',
    payload: documentVersion.extend({ batch: z.int().nonnegative() }),
    once: ({ documentId, version, batch }) => `${documentId}-${version}-${batch}`,
    attempts: 8,
    timeoutMs: 5 * minutes,
  }),
  /** Vectors of a generation for the next live chunks that have none: a turn at a time, by as many slots as work side by side. */
  buildGeneration: defineJob({
    queue: 'embedding',
    payload: generation.extend({ slot: z.int().nonnegative(), turn: z.int().nonnegative() }),
    once: ({ generationId, slot, turn }) => `${generationId}-${slot}-${turn}`,
    attempts: 8,
    timeoutMs: 5 * minutes,
  }),
  /** A built generation searched beside the live one: how far they agree. Then it can be switched to. */
  compareGeneration: defineJob({
    queue: 'embedding',
    payload: generation,
    once: ({ generationId }) => generationId,
    attempts: 8,
    timeoutMs: 10 * minutes,
  }),
  /** A question through the seven steps. */
  answerQuestion: defineJob({
    queue: 'answer',
    payload: z.strictObject({ answerId: z.uuid() }),
    once: ({ answerId }) => answerId,
    attempts: 3,
    timeoutMs: 10 * minutes,
  }),
  /** Experiences that were not learned yet → batches of them. */
  learnFromExperience: defineJob({
    queue: 'learning',
    payload: nothing,
    once: () => 'learn',
    attempts: 3,
    timeoutMs: minutes,
    everyMs: minutes,
  }),
  /** New cases → indexed; alike ones merged, those that no longer help archived. */
  tendCases: defineJob({
    queue: 'learning',
    payload: nothing,
    once: () => 'tend-cases',
    // A rating that comes while cases are tended is for the next time, not for the next minute.
    runsAgain: true,
    attempts: 3,
    timeoutMs: 5 * minutes,
    everyMs: minutes,
  }),
  /** A batch of experiences → the next version of the policy. */
  learnBatch: defineJob({
    queue: 'learning',
    payload: z.strictObject({ batch: z.int().positive() }),
    once: ({ batch }) => `batch-${batch}`,
    attempts: 5,
    timeoutMs: minutes,
  }),
  /** Judged questions searched for by every strategy: a turn at a time, and what is measured stays measured. */
  runEvaluation: defineJob({
    queue: 'learning',
    payload: z.strictObject({ evaluationId: z.uuid(), turn: z.int().nonnegative() }),
    once: ({ evaluationId, turn }) => `${evaluationId}-${turn}`,
    attempts: 5,
    timeoutMs: 5 * minutes,
  }),
  /** What documents and unanswered questions suggest to change in the taxonomy; nothing changes by itself. */
  suggestTaxonomy: defineJob({
    queue: 'learning',
    payload: nothing,
    once: () => 'suggest-taxonomy',
    runsAgain: true,
    attempts: 3,
    timeoutMs: 30 * minutes,
    everyMs: 60 * minutes,
  }),
  /** A live document that nobody has placed → a node of the taxonomy, or a task for a person. */
  classifyDocument: defineJob({
    queue: 'learning',
    payload: z.strictObject({ documentId: z.uuid() }),
    once: ({ documentId }) => documentId,
    attempts: 5,
    timeoutMs: 2 * minutes,
  }),
  /** Documents that a new taxonomy version or a correction concerns, and those whose nudge was lost → classified. */
  classifyDue: defineJob({
    queue: 'learning',
    payload: nothing,
    once: () => 'classify-due',
    attempts: 1,
    timeoutMs: 2 * minutes,
    everyMs: 5 * seconds,
  }),
  /** One try to tell a receiver of something that has ended; what failed stands in its row, with the time of the next try. */
  deliverWebhook: defineJob({
    queue: 'webhook',
    payload: z.strictObject({ deliveryId: z.uuid() }),
    once: ({ deliveryId }) => deliveryId,
    attempts: 3,
    timeoutMs: 2 * minutes,
  }),
  /** Batches that have ended → their deliveries; deliveries whose time has come, or whose job was lost → nudged. */
  nudgeWebhooks: defineJob({
    queue: 'webhook',
    payload: nothing,
    once: () => 'nudge-webhooks',
    attempts: 1,
    timeoutMs: minutes,
    everyMs: 2 * seconds,
  }),
  /** What a deleted document left behind, to the last row; the receipt counts it. */
  deleteDocument: defineJob({
    queue: 'upkeep',
    payload: z.strictObject({ operationId: z.uuid() }),
    once: ({ operationId }) => operationId,
    attempts: 8,
    timeoutMs: 5 * minutes,
  }),
  /** The vectors of a generation that nobody wants any more. */
  reclaimGeneration: defineJob({
    queue: 'upkeep',
    payload: generation,
    once: ({ generationId }) => generationId,
    attempts: 8,
    timeoutMs: 10 * minutes,
  }),
  /** Rows whose nudge or worker was lost → nudged again. */
  requeueLost: defineJob({
    queue: 'upkeep',
    payload: nothing,
    once: () => 'requeue-lost',
    attempts: 1,
    timeoutMs: minutes,
    everyMs: 5 * seconds,
  }),
  /** Rollouts whose guards are broken → rolled back; those that go on by themselves → their next stage. */
  tendRollouts: defineJob({
    queue: 'upkeep',
    payload: nothing,
    once: () => 'tend-rollouts',
    attempts: 1,
    timeoutMs: minutes,
    everyMs: 3 * seconds,
  }),
  /** Answers past their deadline or their time to be kept, stale cache rows, forgotten idempotency keys. */
  sweepExpired: defineJob({
    queue: 'upkeep',
    payload: nothing,
    once: () => 'sweep-expired',
    attempts: 1,
    timeoutMs: minutes,
    everyMs: minutes,
  }),
  /** Rows that belong to nothing, of which there are none unless something is broken: counted for /metrics, and removed. */
  scanOrphans: defineJob({
    queue: 'upkeep',
    payload: nothing,
    once: () => 'scan-orphans',
    attempts: 1,
    timeoutMs: 10 * minutes,
    everyMs: 10 * minutes,
  }),
  /** Chunks whose words an older analyzer made → their words and postings anew. */
  reindexChunks: defineJob({
    queue: 'upkeep',
    payload: nothing,
    once: () => 'reindex-chunks',
    attempts: 1,
    timeoutMs: 5 * minutes,
    everyMs: minutes,
  }),
  /** Statistics and visibility of the index tables, on the embedded tier: its Postgres has no autovacuum. */
  vacuumCorpus: defineJob({
    queue: 'upkeep',
    payload: nothing,
    once: () => 'vacuum-corpus',
    attempts: 1,
    timeoutMs: 5 * minutes,
    everyMs: 30 * seconds,
  }),
  /** An index over the vectors of every embedding model that has enough of them; none where there are none left. */
  tendVectorIndexes: defineJob({
    queue: 'upkeep',
    payload: nothing,
    once: () => 'tend-vector-indexes',
    attempts: 1,
    timeoutMs: 60 * minutes,
    everyMs: minutes,
  }),
  /** How much of an exact search those indexes find, for /metrics. */
  measureVectorRecall: defineJob({
    queue: 'upkeep',
    payload: nothing,
    once: () => 'measure-vector-recall',
    attempts: 1,
    timeoutMs: 10 * minutes,
    everyMs: 15 * minutes,
  }),
};

export type Catalog = typeof catalog;
export type JobName = keyof Catalog;
export type PayloadOf<N extends JobName> = z.output<Catalog[N]['payload']>;

export const jobNames = Object.keys(catalog) as JobName[];

export function jobsOf(queue: QueueName): JobName[] {
  return jobNames.filter((name) => catalog[name].queue === queue);
}
