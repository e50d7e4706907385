import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { system } from '../../src/access.ts';
import { claimAnswer, completeAnswer, endAnswer, insertAnswer } from '../../src/db/answers.ts';
import { deleteAnswer } from '../../src/db/delete-answer.ts';
import { writeOverride } from '../../src/db/flags.ts';
import { beat, beatOfApi, stopBeating, stopBeatOfApi } from '../../src/db/heartbeats.ts';
import { learnBatch, planBatches } from '../../src/db/learning.ts';
import { readRollout } from '../../src/db/rollout-readings.ts';
import { foldObservations } from '../../src/db/rollout-sums.ts';
import {
  findRollout,
  listUnendedRollouts,
  type RolloutRow,
  readRolloutEvents,
} from '../../src/db/rollouts.ts';
import { bucket } from '../../src/flag-service.ts';
import type { FlagKey } from '../../src/flags.ts';
import { moveRollout, startRollout } from '../../src/rollouts/moves.ts';
import { completeStage, type Plan, planFields, stageSchema } from '../../src/rollouts/plan.ts';
import { handlers } from '../../workers/handlers.ts';
import { type HandlerBench, openBench } from '../support/context.ts';
import { exposeAnswers } from '../support/exposed-answers.ts';
import { waitFor } from '../support/wait-for.ts';

const nil = '00000000-0000-0000-0000-000000000000';
let bench: HandlerBench;
let db: HandlerBench['context']['db'];
beforeAll(async () => {
  bench = await openBench();
  db = bench.context.db;
});
afterAll(() => bench?.close());
afterEach(async () => {
  for (const rollout of await listUnendedRollouts(db)) await end(rollout);
});

const tend = () => handlers.tendRollouts.run({}, bench.context);
const now = async (id: string) => (await findRollout(db, id)) as RolloutRow;
const shareOf = async (key: FlagKey) =>
  db('flag_overrides').where({ key }).first('enabled', 'rollout_percent', 'reason', 'updated_by');

type StageInput = Parameters<typeof stageSchema.parse>[0];

async function start(
  flag: FlagKey,
  stages: StageInput[],
  { auto = false, rate = planFields.false_rollback_rate.parse(undefined) } = {},
): Promise<RolloutRow> {
  const plan: Plan = {
    stages: stages.map((stage) => completeStage(stageSchema.parse(stage))),
    ...{ overdue_seconds: 60, false_rollback_rate: rate },
  };
  const before = { [flag]: { enabled: false, rollout_percent: 100 } };
  const id = randomUUID();
  const owner = { api_key_id: nil, created_by: 'an admin' };
  const started = { id, name: `of ${flag}`, plan, auto_advance: auto, before, ...owner };
  return startRollout(db, started, { reason: 'to see' });
}

const end = async (rollout: RolloutRow) =>
  moveRollout(db, rollout.id, 'rollback', {
    ...{ by: 'an admin', reason: 'over', revision: (await now(rollout.id)).revision },
  });
const by = (revision: number) => ({ by: 'an admin', reason: 'by hand', revision });
const tenth = { name: 'a tenth', flags: { debate_mode: 10 } };

describe('what is observed', () => {
  it('is every answer at its assignment, and how it ended, whoever ended it', async () => {
    const rollout = await start('debate_mode', [tenth]);
    const ask = async (on: boolean, more: Record<string, unknown> = {}) => {
      const id = randomUUID();
      await insertAnswer(db, {
        ...{ id, question: 'Where?', apiKeyId: nil, requestId: 'r', traceparent: null },
        request: { mode: 'answer', flags: { debate_mode: { on, reason: 'rollout', percent: 10 } }, ...more },
        ...{ deadlineMs: 60_000, keepHours: 1 },
      });
      return id;
    };
    const [done, failed, waiting] = [await ask(true), await ask(true), await ask(false)];
    const replayed = await ask(true, { replay: { of: done, mode: 'recorded' } });
    const claimed = await claimAnswer(db, done);
    const source = (support: number) => ({ n: 1, verified: true, document_id: nil, support });
    await completeAnswer(
      db,
      done,
      claimed?.token ?? '',
      {
        ...{ abstained: false, degraded: null, confidence: 0.6, sources: [source(0.4), source(0.8)] },
        usage: { answer_cache: 'miss' },
      },
      {},
    );
    await endAnswer(db, failed, 'failed', { code: 'internal', detail: 'It failed.', retryable: true });
    const rows = await db('rollout_observations').where({ rollout_id: rollout.id }).select('*');
    const of = (id: string) => rows.find(({ answer_id }) => answer_id === id);
    expect(of(done)).toMatchObject({
      ...{
        arm: 'treatment',
        stage: 0,
        status: 'completed',
        abstained: false,
        degraded: false,
        cached: false,
      },
      ...{ confidence: 0.6, ms: expect.any(Number), total_ms: expect.any(Number) },
    });
    expect(of(done).support).toBeCloseTo(0.6);
    expect(of(failed)).toMatchObject({ arm: 'treatment', status: 'failed', support: null });
    expect(of(waiting)).toMatchObject({ arm: 'control', status: null });
    expect(of(replayed)).toBeUndefined();
    await db('feedback').insert({ answer_id: done, api_key_id: nil, rating: 0.25 });
    // Deleted by its owner: that it was exposed stays, and nothing of what it was about was there.
    await deleteAnswer(db, waiting, system);
    const { treatment, control, concurrent, baseline } = await readRollout(db, rollout);
    expect({ concurrent, baseline }).toEqual({ concurrent: true, baseline: false });
    expect(treatment).toMatchObject({ exposures: 2, decided: 2, errors: 1, completed: 1, answered: 1 });
    expect(treatment.feedback).toEqual({ n: 1, sum: 0.25, squares: 0.0625 });
    expect(treatment.quality).toEqual({ n: 2, sum: 0.25, squares: 0.0625 });
    expect(control).toMatchObject({ exposures: 1, pending: 0, decided: 0 });
    await end(rollout);
    await ask(true);
    expect(await db('rollout_observations').where({ rollout_id: rollout.id }).select('*')).toHaveLength(3);
  });

  it('counts an answer that hangs as an error, with the time that it has taken at least', async () => {
    const rollout = await start('debate_mode', [tenth]);
    const ids = await exposeAnswers(db, 5, { flags: { debate_mode: true }, status: null });
    expect((await readRollout(db, rollout)).treatment).toMatchObject({ pending: 5, errors: 0 });
    await db('rollout_observations')
      .whereIn('answer_id', ids)
      .update({ assigned_at: db.raw(`now() - interval '90 seconds'`) });
    const { treatment } = await readRollout(db, rollout);
    expect(treatment).toMatchObject({ pending: 0, errors: 5, decided: 5, timed: 5 });
    expect(treatment.latency.sum / 5).toBeGreaterThan(89_000);
    await end(rollout);
  });

  it('does not mistake the cache for speed', async () => {
    const rollout = await start('debate_mode', [tenth]);
    await exposeAnswers(db, 20, { flags: { debate_mode: false }, ms: 5, cached: true });
    await exposeAnswers(db, 10, { flags: { debate_mode: false }, ms: 400 });
    const { control } = await readRollout(db, rollout);
    expect(control).toMatchObject({ exposures: 30, decided: 30, latency: { n: 10 }, support: { n: 10 } });
    await end(rollout);
  });
});

describe('a reading', () => {
  const read = async (id: string) => readRollout(db, await now(id));
  /** Numbers to six decimals: sums are added up in another order. */
  const about = (one: unknown): unknown => {
    if (typeof one === 'number') return expect.closeTo(one, 6);
    if (one === null || typeof one !== 'object') return one;
    return Object.fromEntries(Object.entries(one).map(([name, value]) => [name, about(value)]));
  };
  const timeless = async (id: string) => ({ ...(await read(id)), minutes: 0 });
  const rate = (ids: readonly (string | undefined)[], rating: number) =>
    db('feedback').insert(ids.map((id) => ({ answer_id: id, api_key_id: randomUUID(), rating })));

  it('is the same from sums and from single observations, whatever comes between', async () => {
    const gates = [{ metric: 'p95_ms', at_most: 400 }];
    const rollout = await start('debate_mode', [
      { ...tenth, gates },
      { name: 'all', flags: { debate_mode: 100 }, gates },
    ]);
    const { id } = rollout;
    const arms = [{ debate_mode: true }, { debate_mode: false }] as const;
    const asked: string[] = [];
    for (const [n, flags] of arms.entries()) {
      asked.push(...(await exposeAnswers(db, 40 - 15 * n, { flags })));
      asked.push(...(await exposeAnswers(db, 5 + n, { flags, abstained: true })));
      asked.push(...(await exposeAnswers(db, 4, { flags, degraded: true, ms: 900 })));
      asked.push(...(await exposeAnswers(db, 6, { flags, cached: true, ms: 3 })));
      for (const status of ['failed', 'expired', 'cancelled', null] as const)
        asked.push(...(await exposeAnswers(db, 3 - n, { flags, status })));
    }
    await rate(asked.slice(0, 3), 0.25);
    const unfolded = await timeless(id);
    expect(unfolded.treatment).toMatchObject({ exposures: 67, pending: 3, feedback: { n: 3 } });
    await foldObservations(db, id);
    expect(await db('rollout_observations').where({ rollout_id: id, folded: false })).toHaveLength(5);
    expect(await timeless(id)).toEqual(about(unfolded));
    await foldObservations(db, id);
    expect(await timeless(id)).toEqual(about(unfolded));

    // Rated after the fold, among them one that was abstained, one that failed and one from the cache; and more answers.
    await rate([asked[0], asked[10], asked[42], asked[51], asked[56], asked[60]], 0.75);
    await exposeAnswers(db, 20, { flags: arms[0], ms: 500 });
    const partly = await timeless(id);
    await db('rollout_observations').where({ rollout_id: id }).update({ folded: false });
    await db('rollout_sums').where({ rollout_id: id }).delete();
    expect(await timeless(id)).toEqual(about(partly));
    expect(partly.treatment.feedback.n).toBe(8);

    // In a stage for everybody the control is that of the one before.
    await foldObservations(db, id);
    await moveRollout(db, id, 'advance', by(1));
    await exposeAnswers(db, 12, { flags: arms[0] });
    const { treatment, control } = await read(id);
    expect(treatment.exposures).toBe(12);
    expect(control).toEqual(about(partly.control));
    await end(rollout);
  });

  it('of a stage has the batches of learning that were planned in it', async () => {
    const gates = [{ metric: 'batch_success', at_least: 0.95 }];
    const rollout = await start('soft_q_bandit', [{ name: 'half', flags: { soft_q_bandit: 50 }, gates }]);
    const success = async () => (await read(rollout.id)).service.batch_success;
    expect(await success()).toBeNull();
    await db.raw(
      `insert into experiences (answer_id, source, state, action, propensity, reward, reward_parts)
       select gen_random_uuid(), 'answer', 'c0-i0-k0-v1', 'hybrid:direct', 1, .5, '{}' from generate_series(1, 128)`,
    );
    const [first, ...others] = await planBatches(db, 10_000);
    expect(await success()).toBeNull();
    for (const batch of others) await learnBatch(db, batch, 'linear-thompson', () => ({}));
    expect(await success()).toBe(1);
    await db('learning_batches')
      .where({ batch: first })
      .update({ planned_at: db.raw(`now() - interval '4 minutes'`) });
    // Before the stage began.
    expect(await success()).toBe(1);
    await db('rollouts')
      .where({ id: rollout.id })
      .update({ stage_started_at: db.raw(`now() - interval '1 hour'`) });
    expect(await success()).toBe(0.75);
    await learnBatch(db, first as number, 'linear-thompson', () => ({}));
    expect(await success()).toBe(1);
    await end(rollout);
  });

  it('of the memory is that of the largest process, of the API as well', async () => {
    const gates = [{ metric: 'memory_mb', at_most: 1024 }];
    const rollout = await start('debate_mode', [{ ...tenth, gates }]);
    const memory = async () => (await read(rollout.id)).service.memory_mb;
    expect(await memory()).toBeNull();
    const [api, worker] = [randomUUID(), randomUUID()];
    await beatOfApi(db, api, 'a:1', 700 * 1048576);
    await beat(db, worker, 'a:2', ['answer'], 4, {}, 300 * 1048576);
    expect(await memory()).toBe(700);
    await stopBeatOfApi(db, api);
    expect(await memory()).toBe(300);
    await stopBeating(db, worker);
    await end(rollout);
  });

  it('has a tenth of 20,000 callers in the treatment, within a point', async () => {
    const rollout = await start('debate_mode', [tenth]);
    const callers = Array.from({ length: 20_000 }, (_, n) => ({ id: `user-${n}`, by: 'header' as const }));
    await waitFor('the flag is out', async () => {
      const first = callers.find(({ id }) => bucket('debate_mode', id) < 10) as (typeof callers)[number];
      return (await bench.context.flags.snapshot(first)).debate_mode.on;
    });
    const on: boolean[] = [];
    for (const caller of callers) on.push((await bench.context.flags.snapshot(caller)).debate_mode.on);
    expect(Math.abs(on.filter(Boolean).length / callers.length - 0.1)).toBeLessThan(0.01);
    // What the rollout counts is just that.
    const few = on.slice(0, 2000);
    for (const debate_mode of [true, false])
      await exposeAnswers(db, few.filter((one) => one === debate_mode).length, {
        ...{ flags: { debate_mode }, status: null },
      });
    const { treatment, control } = await read(rollout.id);
    expect(treatment.exposures).toBe(few.filter(Boolean).length);
    expect(control.exposures).toBe(few.length - treatment.exposures);
    await end(rollout);
  });
});

describe('a bad arm', () => {
  const bad = { slow: { ms: 900 }, wrong: { support: 0.5 }, failing: { status: 'failed' } } as const;

  it.each(Object.entries(bad))('that is %s is rolled back, with a note that says why', async (kind, arm) => {
    const rollout = await start('debate_mode', [tenth], { auto: true });
    await exposeAnswers(db, 270, { flags: { debate_mode: false } });
    await exposeAnswers(db, 30, { flags: { debate_mode: true } });
    await tend();
    expect((await now(rollout.id)).status).toBe('running');
    await exposeAnswers(db, 630, { flags: { debate_mode: false } });
    await exposeAnswers(db, 70, { flags: { debate_mode: true }, ...arm });
    await tend();
    const after = await now(rollout.id);
    expect(after).toMatchObject({ status: 'rolled_back', ended_at: expect.any(Date) });
    expect(await shareOf('debate_mode')).toMatchObject({ enabled: false, updated_by: 'rollout guard' });
    const events = await readRolloutEvents(db, rollout.id);
    expect(events.map(({ type }) => type)).toEqual(['started', 'rolled_back']);
    const label = { slow: 'time an answer takes', wrong: 'support of citations', failing: 'share of errors' };
    expect(events[1]?.note).toContain(label[kind as keyof typeof label]);
    expect(events[1]?.note).toContain('100 of 1,000 answers');
    expect(events[1]?.note_ko).toContain('롤백');
    expect(events[1]?.gates?.some(({ verdict }) => verdict === 'breached')).toBe(true);
    const [audited] = await db('audit_log').where({ target: `/api/v1/admin/rollouts/${rollout.id}` });
    expect(audited).toMatchObject({ actor_name: 'rollout guard', after: { status: 'rolled_back' } });
    // The flag is free again, and looking once more changes nothing.
    await tend();
    expect((await now(rollout.id)).revision).toBe(after.revision);
  });

  it('is rolled back also while the rollout is paused, but not once its flags are somebody else’s', async () => {
    const paused = await start('debate_mode', [tenth]);
    await moveRollout(db, paused.id, 'pause', by(1));
    await exposeAnswers(db, 400, { flags: { debate_mode: false } });
    await exposeAnswers(db, 60, { flags: { debate_mode: true }, ms: 2000 });
    await tend();
    expect((await now(paused.id)).status).toBe('rolled_back');

    const left = await start('debate_mode', [tenth]);
    await writeOverride(db, {
      ...{ key: 'debate_mode', enabled: true, rollout_percent: 60, killed: false },
      ...{ reason: 'I know better', updated_by: 'somebody' },
    });
    await exposeAnswers(db, 400, { flags: { debate_mode: false } });
    await exposeAnswers(db, 60, { flags: { debate_mode: true }, ms: 2000 });
    await tend();
    await tend();
    expect(await now(left.id)).toMatchObject({
      status: 'paused',
      paused_because: 'flag_changed',
      revision: 2,
    });
    expect(await shareOf('debate_mode')).toMatchObject({ rollout_percent: 60, reason: 'I know better' });
    // Resumed, its guards look again.
    await moveRollout(db, left.id, 'resume', by(2));
    expect(await shareOf('debate_mode')).toMatchObject({ rollout_percent: 10 });
    await tend();
    expect((await now(left.id)).status).toBe('rolled_back');
  });
});

describe('a healthy rollout', () => {
  it('goes on by itself, stage by stage, to the end', async () => {
    const quick = { min_minutes: 0, min_samples: 50 };
    const rollout = await start(
      'debate_mode',
      [
        { ...tenth, ...quick },
        { name: 'all', flags: { debate_mode: 100 }, ...quick, gates: [{ metric: 'p95_ms', at_most: 4000 }] },
      ],
      { auto: true },
    );
    await exposeAnswers(db, 300, { flags: { debate_mode: false } });
    await tend();
    expect((await now(rollout.id)).stage).toBe(0);
    await exposeAnswers(db, 60, { flags: { debate_mode: true } });
    await tend();
    expect(await now(rollout.id)).toMatchObject({ stage: 1, status: 'running' });
    expect(await shareOf('debate_mode')).toMatchObject({ enabled: true, rollout_percent: 100 });
    const { concurrent, control } = await readRollout(db, await now(rollout.id));
    expect({ concurrent, control: control.exposures }).toEqual({ concurrent: false, control: 300 });
    await tend();
    expect((await now(rollout.id)).status).toBe('running');
    await exposeAnswers(db, 60, { flags: { debate_mode: true } });
    await tend();
    expect((await now(rollout.id)).status).toBe('completed');
    expect(await shareOf('debate_mode')).toMatchObject({ enabled: true, rollout_percent: 100 });
    expect((await readRolloutEvents(db, rollout.id)).map(({ type }) => type)).toEqual([
      'started',
      'advanced',
      'completed',
    ]);
  });

  it('is not rolled back, however often it is looked at', async () => {
    for (let n = 0; n < 2; n++) {
      const rollout = await start('tools_policy', [{ name: 'a tenth', flags: { tools_policy: 10 } }]);
      for (let turn = 0; turn < 4; turn++) {
        await exposeAnswers(db, 180, { flags: { tools_policy: false } });
        await exposeAnswers(db, 20, { flags: { tools_policy: true } });
        await exposeAnswers(db, 9, { flags: { tools_policy: false }, status: 'failed' });
        await exposeAnswers(db, 1, { flags: { tools_policy: true }, status: 'failed' });
        await tend();
      }
      expect((await now(rollout.id)).status).toBe('running');
      await end(rollout);
    }
  });
});

describe('two at once', () => {
  it('do one move: the other one is told to read again', async () => {
    const rollout = await start('debate_mode', [tenth, { name: 'half', flags: { debate_mode: 50 } }]);
    const moved = await Promise.allSettled([
      moveRollout(db, rollout.id, 'advance', by(1)),
      moveRollout(db, rollout.id, 'rollback', by(1)),
      moveRollout(db, rollout.id, 'pause', by(1)),
    ]);
    expect(moved.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const one of moved)
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'precondition_failed' });
    expect((await readRolloutEvents(db, rollout.id)).map(({ n }) => n)).toEqual([1, 2]);
    if (!(await now(rollout.id)).ended_at) await end(rollout);
  });

  it('rollouts do not have the same flag', async () => {
    const first = await start('debate_mode', [tenth]);
    await expect(start('debate_mode', [tenth])).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(first.id),
    });
    await end(first);
    await end(await start('debate_mode', [tenth]));
  });

  it('what was killed stays dead in a rollback', async () => {
    const rollout = await start('debate_mode', [tenth]);
    await writeOverride(db, {
      ...{ key: 'debate_mode', enabled: false, rollout_percent: 0, killed: true },
      ...{ reason: 'it burns', updated_by: 'somebody' },
    });
    await expect(moveRollout(db, rollout.id, 'advance', by(1))).rejects.toMatchObject({ code: 'conflict' });
    await tend();
    await expect(moveRollout(db, rollout.id, 'resume', by(2))).rejects.toMatchObject({ code: 'conflict' });
    await end(rollout);
    expect(await db('flag_overrides').where({ key: 'debate_mode' }).first('killed')).toEqual({
      killed: true,
    });
  });
});
