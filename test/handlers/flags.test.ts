import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertAnswer } from '../../src/db/answers.ts';
import type { FlagChange } from '../../src/flag-service.ts';
import { flagKeys } from '../../src/flags.ts';
import { handlers } from '../../workers/handlers.ts';
import { type HandlerBench, openBench } from '../support/context.ts';
import { handbook } from '../support/handbook.ts';
import { ready } from '../support/ingest.ts';
import { waitFor } from '../support/wait-for.ts';

let bench: HandlerBench;
beforeAll(async () => {
  // An answer is to be made anew each time.
  bench = await openBench({ QUERY_CACHE_TTL_SECONDS: '0' });
});
afterAll(() => bench.close());

const on: FlagChange = { enabled: true, rolloutPercent: 100, reason: 'a test', by: 'a job' };
const caller = { id: 'somebody', by: 'key' } as const;
const seen = async (key: 'debate_mode' | 'meta_planner') => (await bench.context.flags.snapshot(caller))[key];

describe('a flag that a job sets', () => {
  it('is set with all else that its transaction does, or not at all', async () => {
    const { db, flags } = bench.context;
    const failed = db.transaction(async (transaction) => {
      await flags.setWithin(transaction, 'meta_planner', on);
      throw new Error('not after all');
    });
    await expect(failed).rejects.toThrow('not after all');
    expect(await db('flag_changes')).toEqual([]);
    const { before, after } = await db.transaction((transaction) =>
      flags.setWithin(transaction, 'meta_planner', on),
    );
    expect(before).toMatchObject({ enabled: false, source: 'default', version: 0 });
    expect(after).toMatchObject({ enabled: true, source: 'stored', version: 1, updated_by: 'a job' });
    await waitFor('it is in force', async () => (await seen('meta_planner')).on);
  });

  it('does not lift a kill that the job has not seen', async () => {
    const { flags } = bench.context;
    const { version } = await flags.set('meta_planner', { ...on, rolloutPercent: 10 });
    await flags.set('meta_planner', { ...on, enabled: false, kill: true, by: 'somebody' });
    await expect(
      flags.set('meta_planner', { ...on, rolloutPercent: 50, ifVersion: version }),
    ).rejects.toMatchObject({ code: 'precondition_failed' });
    expect(await seen('meta_planner')).toMatchObject({ on: false, reason: 'kill' });
  });

  it('has every one of many changes at once in its history, each on top of the one before', async () => {
    const { db, flags } = bench.context;
    const shares = Array.from({ length: 20 }, (_, n) => n + 1);
    await Promise.all(shares.map((rolloutPercent) => flags.set('mcp_tools', { ...on, rolloutPercent })));
    const rows = await db('flag_changes').where({ key: 'mcp_tools' }).orderBy('version');
    expect(rows.map(({ version }) => version)).toEqual(shares);
    for (const [n, { before }] of rows.entries()) expect(before).toEqual(rows[n - 1]?.after ?? null);
    const [last] = await db('flag_overrides').where({ key: 'mcp_tools' });
    expect(last).toMatchObject({ version: 20, rollout_percent: rows.at(-1).after.rollout_percent });
  });
});

describe('flags that cannot be read', () => {
  it('stay as they were last known, a kill too, until they can be', async () => {
    const { db, flags } = bench.context;
    await flags.set('debate_mode', on);
    await flags.set('meta_planner', { ...on, enabled: false, kill: true });
    await db.raw('alter table flag_overrides rename to flag_overrides_away');
    await waitFor('that is noticed', () => flags.ageMs() > 1200);
    expect(await seen('debate_mode')).toMatchObject({ on: true, reason: 'stored' });
    expect(await seen('meta_planner')).toMatchObject({ on: false, reason: 'kill' });
    await expect(flags.set('debate_mode', on)).rejects.toThrow();
    await db.raw(`update flag_overrides_away set enabled = false where key = 'debate_mode'`);
    await db.raw('alter table flag_overrides_away rename to flag_overrides');
    await waitFor('they are read again', async () => !(await seen('debate_mode')).on);
  });
});

describe('an answer with all flags off', () => {
  const questions = [
    ...['What is the daily allowance for meals?', 'Which documents did the moon sign?'],
    ...['How fast may forklifts drive, and who approves days of remote work?', '연차는 며칠인가?'],
  ];
  const asked = {
    mode: 'answer',
    final_topk: 3,
    strategy: 'auto',
    expand: 'section',
    merge_neighbours: true,
  };
  const off = { on: false, percent: 100, variant: 'off', version: 3 };
  const snapshots: [string, object][] = [
    ['each off for a reason of its own', Object.fromEntries(flagKeys.map(offBecause))],
    ['a snapshot without any', { flags: {} }],
  ];

  function offBecause(key: string, n: number) {
    const reason = (['kill', 'stored', 'rollout', 'env', 'default'] as const)[n % 5];
    return [key, { ...off, reason, resolution_reason: reason === 'rollout' ? 'SPLIT' : 'DISABLED' }];
  }

  /** All that is written of it, but the times. */
  async function written(question: string, flags: object): Promise<string> {
    const { context } = bench;
    const { id } = await insertAnswer(context.db, {
      ...{ id: randomUUID(), question, apiKeyId: null, deadlineMs: 60_000 },
      ...{ requestId: 'r', traceparent: null, keepHours: 1, request: { ...asked, ...flags } },
    });
    await handlers.answerQuestion.run({ answerId: id }, context);
    const row = await context.db('answers').where({ id }).first('status', 'result');
    const events = await context
      .db('answer_events')
      .where({ answer_id: id })
      .orderBy('seq')
      .select('type', 'data');
    const timeless = (name: string, value: unknown) => (/(^|_)(ms|time)$/.test(name) ? undefined : value);
    return JSON.stringify({ row, events }, timeless);
  }

  beforeAll(async () => {
    for (const { text, title } of handbook) await ready(bench.context, { text, title });
  });

  it.each(snapshots)('is to the byte what it is from a row without flags: %s', async (_, flags) => {
    const given = 'flags' in flags ? flags : { flags };
    for (const question of questions) {
      const plain = await written(question, {});
      expect(plain).toContain('"status":"completed"');
      expect(await written(question, given)).toBe(plain);
    }
    expect(await bench.context.db('experiences').select('id')).toEqual([]);
    expect(await bench.context.db('cases').select('id')).toEqual([]);
  });

  it('is not where one is on', async () => {
    const [question = ''] = questions;
    const plain = await written(question, {});
    expect(await written(question, { flags: { meta_planner: { ...off, on: true } } })).not.toBe(plain);
  });
});
