import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FlagChange } from '../../src/flag-service.ts';
import { type HandlerBench, openBench } from '../support/context.ts';
import { waitFor } from '../support/wait-for.ts';

let bench: HandlerBench;
beforeAll(async () => {
  bench = await openBench();
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
