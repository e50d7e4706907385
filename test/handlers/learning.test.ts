import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { system } from '../../src/access.ts';
import { findAnswer, insertAnswer } from '../../src/db/answers.ts';
import { addExperience, readLearning } from '../../src/db/experiences.ts';
import { pauseLearning, readLearningState, restoreVersion } from '../../src/db/learning.ts';
import { findLivePolicy, listPolicyVersions } from '../../src/db/policies.ts';
import { seededRandom } from '../../src/evaluation/random.ts';
import { stateIndex } from '../../src/learning/policy.ts';
import { stateFromKey } from '../../src/learning/state.ts';
import type { Context } from '../../workers/context.ts';
import { handlers } from '../../workers/handlers.ts';
import { type HandlerBench, openBench } from '../support/context.ts';
import type { Json } from '../support/service.ts';

let bench: HandlerBench;
let context: Context;
beforeAll(async () => {
  bench = await openBench({ FEATURE_EXPERIENCE_REPLAY: 'true' });
  context = bench.context;
});
afterAll(() => bench.close());
beforeEach(async () => {
  await context.db.raw('truncate experiences, policy_versions');
  await context.db('learning_state').update({
    ...{ paused: false, batches_planned: 0, batches_learned: 0, last_version: 0 },
  });
});

const random = seededRandom(7);
const level = () => Math.floor(random() * 3);
const experience = (more: Partial<Parameters<typeof addExperience>[1]> = {}) => ({
  ...{ answerId: randomUUID(), source: 'answer', state: `c${level()}-i0-k${level()}-v1` },
  ...{ action: 'hybrid:direct', policyVersion: null, propensity: 1, reward: random() },
  ...{ rewardParts: { answered: 1 } },
  ...more,
});
async function add(count: number, capacity = 10_000): Promise<void> {
  for (let n = 0; n < count; n++) await addExperience(context.db, experience(), capacity);
}
const all = async (sql: string): Promise<Json[]> => (await context.db.raw(sql)).rows;
const counts = async (where: string): Promise<number> =>
  (await all(`select count(*)::int as n from experiences where ${where}`))[0]?.n;

/** Plans, and does what was planned. */
async function learn(own = context): Promise<number[]> {
  await handlers.learnFromExperience.run({}, own);
  const batches = await all(
    'select distinct batch::int as batch from experiences where batch is not null and learned_at is null',
  );
  for (const { batch } of batches) await handlers.learnBatch.run({ batch }, own);
  return batches.map(({ batch }) => batch);
}
const live = async (): Promise<Json> => findLivePolicy(context.db, 'thompson');
/** How many experiences the snapshot has learned, by what the policy itself says. */
const learnedBy = ({ snapshot }: Json): number =>
  snapshot.cells.reduce((sum: number, [, count]: [number, number]) => sum + count, 0);

describe('the buffer', () => {
  it('never holds more than its capacity, and loses the oldest first', async () => {
    await Promise.all(Array.from({ length: 30 }, () => addExperience(context.db, experience(), 20)));
    expect(await counts('true')).toBeLessThanOrEqual(20);
    const [newest, oldest] = [
      randomUUID(),
      (await all('select answer_id from experiences order by id limit 1'))[0],
    ];
    await addExperience(context.db, experience({ answerId: newest }), 20);
    expect(await counts(`answer_id = '${newest}'`)).toBe(1);
    expect(await counts(`answer_id = '${oldest?.answer_id}'`)).toBe(0);
    expect((await readLearning(context.db)).buffer.bytes).toBeGreaterThan(0);
  });

  it('takes no more than fifty ratings a day of one caller, but replaces those', async () => {
    const rate = (answerId: string) =>
      addExperience(context.db, experience({ answerId, source: 'feedback:a' }), 10_000);
    const first = randomUUID();
    const added = [await rate(first)];
    for (let n = 0; n < 51; n++) added.push(await rate(randomUUID()));
    expect(added.filter(Boolean)).toHaveLength(50);
    expect(await rate(first)).toBe(true);
    expect(await addExperience(context.db, experience({ source: 'feedback:b' }), 10_000)).toBe(true);
  });
});

describe('an answer', () => {
  const answered = async (own = context): Promise<string> => {
    const id = randomUUID();
    const request = {
      ...{ mode: 'answer', final_topk: 5, strategy: 'auto' },
      flags: { experience_replay: { on: true, reason: 'stored', percent: 100 } },
    };
    await insertAnswer(context.db, {
      ...{ id, question: 'Who keeps the lighthouse?', request, apiKeyId: null, requestId: 'r' },
      ...{ traceparent: null, deadlineMs: 60_000, keepHours: 1 },
    });
    await handlers.answerQuestion.run({ answerId: id }, own);
    return id;
  };

  it('ends together with its experience, in one statement', async () => {
    const id = await answered();
    // That a transaction made a row stands in its xmin.
    const rows = await all(
      `select e.xmin = a.xmin as together, e.source from experiences e join answers a on a.id = e.answer_id where a.id = '${id}'`,
    );
    expect(rows).toEqual([{ together: true, source: 'answer' }]);
  });

  it('ends without it where the database refuses that, which is counted', async () => {
    const failed = async () =>
      (await context.metrics.experiences.get()).values.find(({ labels }) => labels.outcome === 'failed')
        ?.value;
    await context.db.raw(`alter table experiences add constraint refused check (source <> 'answer')`);
    const id = await answered();
    await context.db.raw('alter table experiences drop constraint refused');
    expect(await findAnswer(context.db, id, system)).toMatchObject({ status: 'completed', error: null });
    expect([await counts('true'), await failed()]).toEqual([0, 1]);
  });

  it('keeps the buffer within its capacity', async () => {
    await add(30);
    const id = await answered({ ...context, config: { ...context.config, EXPERIENCE_BUFFER_SIZE: 20 } });
    expect(await counts('true')).toBeLessThanOrEqual(20);
    expect(await counts(`answer_id = '${id}'`)).toBe(1);
  });
});

describe('learning', () => {
  it('waits for a hundred experiences, then draws batches of 32 without replacement', async () => {
    await add(99);
    expect(await learn()).toEqual([]);
    await add(2);
    expect(await learn()).toHaveLength(3);
    expect(await counts('learned_at is null'), 'what fills no batch waits').toBe(101 - 96);
    const sizes = await all(
      'select count(*)::int as n from experiences where batch is not null group by batch',
    );
    expect(sizes.map(({ n }) => n)).toEqual([32, 32, 32]);
    expect(await live()).toMatchObject({ number: 3, learned: 96, experiences: 32, parent: 2 });
    expect(learnedBy(await live())).toBe(96);
  });

  it('learns a batch once, however often and however many at once it is delivered', async () => {
    await add(128);
    await handlers.learnFromExperience.run({}, context);
    await handlers.learnFromExperience.run({}, context);
    const deliveries = [1, 2, 3, 4, 1, 2, 3, 4, 2].map((batch) =>
      handlers.learnBatch.run({ batch }, context),
    );
    await Promise.all(deliveries);
    await Promise.all([1, 4, 9].map((batch) => handlers.learnBatch.run({ batch }, context)));
    expect(learnedBy(await live())).toBe(128);
    expect(await live()).toMatchObject({ number: 4, learned: 128 });
    expect(await readLearningState(context.db)).toMatchObject({ batches_planned: 4, batches_learned: 4 });
    expect(await listPolicyVersions(context.db, 10)).toHaveLength(4);
  });

  it('plans a lost batch again, and leaves nothing of one whose transaction failed', async () => {
    await add(100);
    await handlers.learnFromExperience.run({}, context);
    await context.db.raw(`alter table policy_versions add constraint broken check (number <> 2)`);
    await handlers.learnBatch.run({ batch: 1 }, context);
    await expect(handlers.learnBatch.run({ batch: 2 }, context)).rejects.toThrow('broken');
    expect(await counts('learned_at is not null'), 'of the second nothing was marked').toBe(32);
    await context.db.raw('alter table policy_versions drop constraint broken');
    expect(await learn()).toEqual([2, 3]);
    expect(learnedBy(await live())).toBe(96);
  });

  it('learns another rating in the place of the earlier one', async () => {
    const rated = experience({ source: 'feedback:a', state: 'c2-i3-k2-v2', reward: 0 });
    await addExperience(context.db, rated, 10_000);
    await add(127);
    await learn();
    await addExperience(context.db, { ...rated, reward: 1 }, 10_000);
    await add(31);
    expect(await learn()).toEqual([5]);
    expect(await live(), 'one of the 32 is not new').toMatchObject({ experiences: 32, learned: 128 + 31 });
    expect(learnedBy(await live())).toBe(128 + 31);
    const { cells } = (await live()).snapshot;
    const cell = cells.find(([n]: number[]) => n === stateIndex(stateFromKey('c2-i3-k2-v2')) * 6 + 2);
    expect(cell?.slice(1, 3), 'one experience with the new reward').toEqual([1, 10_000]);
  });

  it('stops while it is paused or the flag is off', async () => {
    await add(100);
    await pauseLearning(context.db, true);
    expect(await learn()).toEqual([]);
    await pauseLearning(context.db, false);
    const off = { ...context, flags: { ...context.flags, list: async () => [] } };
    await handlers.learnFromExperience.run({}, off);
    expect(await counts('batch is not null')).toBe(0);
    expect(await learn()).toHaveLength(3);
  });

  it('can go back to an earlier version, and does not learn again what came after it', async () => {
    await add(128);
    await learn();
    const [, , third] = (await listPolicyVersions(context.db, 10)).map(({ number }) => number);
    const restored = await restoreVersion(context.db, third as number);
    expect(restored).toMatchObject({ number: 5, parent: 2, made_by: 'restore', live: true, learned: 64 });
    expect(learnedBy(await live())).toBe(64);
    expect(await learn()).toEqual([]);
    await add(32);
    await learn();
    expect(learnedBy(await live())).toBe(96);
    expect(await restoreVersion(context.db, 1000)).toBeUndefined();
  });

  it('forgets what has left the buffer, once it has learned twice as many', async () => {
    const config = { ...context.config, EXPERIENCE_BUFFER_SIZE: 128 };
    const twice = async (more: Partial<Parameters<typeof addExperience>[1]>) => {
      for (let n = 0; n < 128; n++) await addExperience(context.db, experience(more), 128);
      await learn({ ...context, config });
    };
    for (const reward of [0, 0, 1]) await twice({ state: 'c0-i0-k0-v0', reward });
    expect(learnedBy(await live()), 'not yet: of what was there then nothing was learned').toBe(3 * 128);
    await learn({ ...context, config });
    expect(await live()).toMatchObject({ made_by: 'buffer', parent: 12, number: 13, learned: 128 });
    const [, count, sum] = (await live()).snapshot.cells.find(([, n]: number[]) => n);
    expect([count, sum], 'those of reward 1 alone').toEqual([128, 128 * 10_000]);
  });

  it('begins another policy with what the one before has learned', async () => {
    await add(128);
    await learn();
    const other = { ...context, config: { ...context.config, LEARNING_POLICY: 'fixed' as const } };
    await handlers.learnFromExperience.run({}, other);
    expect(await findLivePolicy(context.db, 'fixed')).toMatchObject({ made_by: 'buffer', learned: 128 });
    expect(await live(), 'each policy has a version of its own in force').toMatchObject({ live: true });
  });
});
