import { findLostEvaluations } from '../../src/db/evaluations.ts';
import { findLostGenerations } from '../../src/db/generation-work.ts';
import { countUnfinished, findLost, type LostWork, type Patience } from '../../src/db/lost.ts';
import { nudgeBuilding } from '../../src/generations.ts';
import type { JobName, PayloadOf } from '../../src/jobs/catalog.ts';
import type { QueueName } from '../../src/jobs/job.ts';
import type { Context, Handler } from '../context.ts';

/** A row that waited so long while its queue holds fewer jobs than there are rows has lost its nudge. */
const patienceSeconds = 20;
const perCall = 1000;

const queueOf: Record<keyof LostWork, QueueName> = {
  ingest: 'ingestion',
  embed: 'embedding',
  answers: 'answer',
  operations: 'upkeep',
};

/** Nudges rows whose job or worker was lost: after a crash between commit and nudge, or a store that lost everything. */
export const requeueLost: Handler<'requeueLost'> = {
  async run(_payload, context) {
    const { db, log, metrics } = context;
    const { ingest, embed, answers, operations } = await findLost(db, await readPatience(context));
    await nudge(context, 'ingestDocument', ingest, ({ priority: _, ...key }) => key);
    await nudge(context, 'embedChunks', embed, ({ priority: _, ...key }) => ({ ...key, batch: 0 }));
    await nudge(context, 'answerQuestion', answers, (answerId) => ({ answerId }));
    await nudge(context, 'deleteDocument', operations, (operationId) => ({ operationId }));
    const generations = await nudgeGenerations(context);
    const evaluations = await findLostEvaluations(db);
    await nudge(context, 'runEvaluation', evaluations, (evaluationId) => ({ evaluationId, turn: 0 }));
    const counts = {
      generations,
      evaluations: evaluations.length,
      ingest: ingest.length,
      embed: embed.length,
      answers: answers.length,
      operations: operations.length,
    };
    for (const [kind, count] of Object.entries(counts)) metrics.requeued.inc({ kind }, count);
    if (Object.values(counts).some((count) => count > 0)) log.info(counts, 'nudged again');
  },
};

/**
 * Rows that merely wait must not be nudged, or a long queue would be added again every few seconds. Where a queue holds at
 * least as many jobs as there are unfinished rows, nothing of it is lost and only ended leases count.
 */
async function readPatience({ db, depths }: Context): Promise<Patience> {
  const unfinished = await countUnfinished(db);
  const readings = await depths();
  const patience = (kind: keyof LostWork) => {
    const depth = readings?.get(queueOf[kind]);
    const jobs = depth ? depth.waiting + depth.active + depth.delayed : 0;
    return jobs >= unfinished[kind] && unfinished[kind] > 0 ? null : patienceSeconds;
  };
  return {
    ingest: patience('ingest'),
    embed: patience('embed'),
    answers: patience('answers'),
    operations: patience('operations'),
  };
}

async function nudgeGenerations(context: Context): Promise<number> {
  const { build, compare, reclaim } = await findLostGenerations(context.db);
  await nudgeBuilding(context.enqueue, build);
  await nudge(context, 'compareGeneration', compare, (generationId) => ({ generationId }));
  await nudge(context, 'reclaimGeneration', reclaim, (generationId) => ({ generationId }));
  return build.length + compare.length + reclaim.length;
}

async function nudge<N extends JobName, Row>(
  { enqueue }: Context,
  name: N,
  rows: readonly Row[],
  payload: (row: Row) => PayloadOf<N>,
): Promise<void> {
  for (const [priority, group] of byPriority(rows)) {
    for (let i = 0; i < group.length; i += perCall)
      await enqueue(name, group.slice(i, i + perCall).map(payload), { priority });
  }
}

function byPriority<Row>(rows: readonly Row[]): Map<number, Row[]> {
  const groups = new Map<number, Row[]>();
  for (const row of rows) {
    const priority = (row as { priority?: number }).priority ?? 0;
    groups.set(priority, [...(groups.get(priority) ?? []), row]);
  }
  return groups;
}
