import { findLost } from '../../src/db/lost.ts';
import type { Handler } from '../context.ts';

/** A row that waited so long has probably lost its nudge; if not, nudging it again changes nothing. */
const patienceSeconds = 20;

/** Nudges rows whose job or worker was lost. */
export const requeueLost: Handler<'requeueLost'> = {
  async run(_payload, { db, embedder, enqueue, log, metrics }) {
    const { ingest, embed, answers, operations } = await findLost(db, embedder.model, patienceSeconds);
    for (const { priority, ...key } of ingest) await enqueue('ingestDocument', [key], { priority });
    for (const { priority, ...key } of embed)
      await enqueue('embedChunks', [{ ...key, batch: 0 }], { priority });
    await enqueue(
      'answerQuestion',
      answers.map((answerId) => ({ answerId })),
    );
    await enqueue(
      'deleteDocument',
      operations.map((operationId) => ({ operationId })),
    );
    const counts = {
      ingest: ingest.length,
      embed: embed.length,
      answers: answers.length,
      operations: operations.length,
    };
    for (const [kind, count] of Object.entries(counts)) metrics.requeued.inc({ kind }, count);
    if (ingest.length + embed.length + answers.length + operations.length > 0)
      log.info(counts, 'nudged again');
  },
};
