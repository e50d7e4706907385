import { expireLate } from '../../src/db/answers.ts';
import { findLostEvaluations } from '../../src/db/evaluations.ts';
import { findLostGenerations } from '../../src/db/generation-work.ts';
import { findSuspects, type Suspect, type SuspectVersion } from '../../src/db/lost.ts';
import { nudgeBuilding } from '../../src/generations.ts';
import { maxEmbeddingBatch } from '../../src/jobs/batches.ts';
import type { JobName, PayloadOf } from '../../src/jobs/catalog.ts';
import { nudgeEmbedding, nudgeIngestion } from '../../src/jobs/nudge-versions.ts';
import type { Context, Handler } from '../context.ts';

/** A row that waited so long may have lost its job: the queue is asked. Adding a job takes milliseconds. */
const patienceSeconds = 5;
/** How many of the rows that wait are asked after. */
const asked = 100;
const perCall = 1000;

/** Nudges rows whose job or worker was lost: after a crash between commit and nudge, or a store that lost everything. */
export const requeueLost: Handler<'requeueLost'> = {
  async run(_payload, context) {
    const { db, enqueue, log, metrics } = context;
    // Nobody else ends what waits in a queue that no worker takes, unless somebody looks at it.
    await expireLate(db);
    const suspects = await findSuspects(db, patienceSeconds);
    const counts = {
      ingest: await bringBack(context, 'ingestDocument', suspects.ingest, {
        jobs: (row) => [toKey(row)],
        nudge: (rows) => nudgeIngestion(context, rows),
      }),
      embed: await bringBack(context, 'embedChunks', suspects.embed, {
        jobs: toBatches,
        nudge: (rows) => nudgeEmbedding(context, rows, { first: true }),
      }),
      answers: await bringBack(context, 'answerQuestion', suspects.answers, {
        jobs: ({ id }) => [{ answerId: id }],
        nudge: (rows) =>
          enqueue(
            'answerQuestion',
            rows.map(({ id }) => ({ answerId: id })),
            { priority: rows.map(({ priority }) => priority) },
          ),
      }),
      operations: await bringBack(context, 'deleteDocument', suspects.operations, {
        jobs: ({ id }) => [{ operationId: id }],
        nudge: (rows) =>
          enqueue(
            'deleteDocument',
            rows.map(({ id }) => ({ operationId: id })),
          ),
      }),
      evaluations: await bringBackEvaluations(context),
      generations: await bringBackGenerations(context),
    };
    for (const [kind, count] of Object.entries(counts)) metrics.requeued.inc({ kind }, count);
    if (Object.values(counts).some((count) => count > 0)) log.info(counts, 'nudged again');
  },
};

const toKey = ({ documentId, version }: SuspectVersion) => ({ documentId, version });

/** The batch to nudge, and the one that waits longest in the queue. */
function toBatches(row: SuspectVersion) {
  const last = Math.max(0, Math.ceil(row.chunks / maxEmbeddingBatch) - 1);
  return [0, last].map((batch) => ({ ...toKey(row), batch }));
}

async function bringBackEvaluations({ db, enqueue }: Context): Promise<number> {
  const evaluations = await findLostEvaluations(db);
  await enqueue(
    'runEvaluation',
    evaluations.map((evaluationId) => ({ evaluationId, turn: 0 })),
  );
  return evaluations.length;
}

async function bringBackGenerations({ db, enqueue }: Context): Promise<number> {
  const { build, compare, reclaim } = await findLostGenerations(db);
  const toPayload = (generationId: string) => ({ generationId });
  await nudgeBuilding(enqueue, build);
  await enqueue('compareGeneration', compare.map(toPayload));
  await enqueue('reclaimGeneration', reclaim.map(toPayload));
  return build.length + compare.length + reclaim.length;
}

/**
 * Nudges rows whose lease has ended, and rows that wait if one of them has lost its job: a long queue must not be added
 * again every few seconds. `jobs` gives the payloads that may stand in the queue for a row. Returns how many were nudged.
 */
async function bringBack<N extends JobName, Row extends Suspect>(
  context: Context,
  name: N,
  rows: readonly Row[],
  { jobs, nudge }: Revival<N, Row>,
): Promise<number> {
  const waiting = rows.filter(({ ended }) => !ended);
  const lost = (await anyLost(context, name, waiting, jobs)) ? rows : rows.filter(({ ended }) => ended);
  for (let i = 0; i < lost.length; i += perCall) await nudge(lost.slice(i, i + perCall));
  return lost.length;
}

interface Revival<N extends JobName, Row> {
  jobs: (row: Row) => PayloadOf<N>[];
  nudge: (rows: readonly Row[]) => Promise<unknown>;
}

/** Looks for the jobs of rows spread evenly over all that wait, of each when they are few. */
async function anyLost<N extends JobName, Row>(
  { holds }: Context,
  name: N,
  rows: readonly Row[],
  jobs: (row: Row) => PayloadOf<N>[],
): Promise<boolean> {
  const step = Math.max(1, rows.length / asked);
  for (let at = 0; at < rows.length; at += step) {
    const held = await holds(name, jobs(rows[Math.floor(at)] as Row));
    if (!held.includes(true)) return true;
  }
  return false;
}
