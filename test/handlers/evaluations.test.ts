import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nextQueries, readScores, saveScores } from '../../src/db/evaluation-scores.ts';
import {
  claimEvaluation,
  endEvaluation,
  findEvaluation,
  findLostEvaluations,
  insertEvaluation,
} from '../../src/db/evaluations.ts';
import type { Context } from '../../workers/context.ts';
import { handlers } from '../../workers/handlers.ts';
import { measureQuery } from '../../workers/learning/measure-query.ts';
import { type HandlerBench, openBench } from '../support/context.ts';

let bench: HandlerBench;
let context: Context;
beforeAll(async () => {
  bench = await openBench();
  context = bench.context;
});
afterAll(() => bench.close());

const strategies = ['keyword', 'hybrid'] as const;

async function insert(questions: number): Promise<string> {
  const id = randomUUID();
  const queries = Array.from({ length: questions }, (_, n) => ({
    queryId: `q${n}`,
    text: `Question ${n}?`,
    judgements: [{ external_id: 'nobody', gain: 1 }],
  }));
  const audience = { scope: 'admin' as const, flags: [] };
  await insertEvaluation(context.db, {
    id,
    name: null,
    strategies,
    audience,
    filters: {},
    apiKeyId: randomUUID(),
    queries,
  });
  return id;
}

const run = (evaluationId: string) => handlers.runEvaluation.run({ evaluationId, turn: 0 }, context);
const places = async (id: string) =>
  (await readScores(context.db, id)).map(({ n, strategy }) => `${n} ${strategy}`);
const every = (questions: number) =>
  Array.from({ length: questions }, (_, n) => [`${n} hybrid`, `${n} keyword`]).flat();

describe('runEvaluation', () => {
  it('measures every question once, however many deliveries there are', async () => {
    const id = await insert(25);
    await Promise.all([run(id), run(id), run(id)]);
    await run(id);
    expect((await places(id)).sort()).toEqual(every(25).sort());
    expect(await findEvaluation(context.db, id)).toMatchObject({
      status: 'completed',
      measured: 50,
      result: { queries: { measured: 0, unanswerable: 25 }, missing_judgements: 25 },
    });
  });

  it('goes on where a worker that was killed stopped, and refuses what that one still writes', async () => {
    const id = await insert(6);
    const dead = await claimEvaluation(context.db, id);
    if (!dead) throw new Error('not claimed');
    const [first, second] = await nextQueries(context.db, id, 2, { after: -1, limit: 2 });
    await measureQuery(first as never, dead, context);
    const before = await readScores(context.db, id);
    expect(before).toHaveLength(2);
    await run(id);
    expect(await places(id), 'it is held').toHaveLength(2);
    await context
      .db('evaluations')
      .where({ id })
      .update({ lease_until: context.db.raw(`now() - interval '1 second'`) });
    expect(await findLostEvaluations(context.db)).toEqual([id]);
    await handlers.requeueLost.run({}, context);
    expect(await bench.waiting('runEvaluation')).toEqual([{ evaluationId: id, turn: 0 }]);
    await run(id);
    expect((await places(id)).sort()).toEqual(every(6).sort());
    expect((await readScores(context.db, id)).slice(0, 2), 'not measured again').toEqual(before);
    await expect(measureQuery(second as never, dead, context)).rejects.toMatchObject({ code: 'lease_lost' });
  });

  it('measures nothing more of one that was cancelled, and fails one that is given up', async () => {
    const id = await insert(3);
    const held = await claimEvaluation(context.db, id);
    expect(await endEvaluation(context.db, id, 'cancelled', null)).toBe(true);
    await expect(saveScores(context.db, held?.token as string, id, [])).rejects.toMatchObject({
      code: 'lease_lost',
    });
    await run(id);
    expect(await places(id)).toEqual([]);
    const other = await insert(3);
    const error = { code: 'gave_up', detail: 'Given up after 5 attempts.', retryable: false } as const;
    await handlers.runEvaluation.giveUp?.({ evaluationId: other, turn: 0 }, error, context);
    expect(await findEvaluation(context.db, other)).toMatchObject({ status: 'failed', error });
    expect(await findEvaluation(context.db, id)).toMatchObject({ status: 'cancelled', error: null });
  });
});
