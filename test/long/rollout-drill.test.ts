import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bucket } from '../../src/flag-service.ts';
import { handbook } from '../support/handbook.ts';
import { type Behaviour, type LlmStandIn, llmStandIns } from '../support/llm-stand-in.ts';
import { addDocuments, type Json, startService, type TestService } from '../support/service.ts';
import { waitFor } from '../support/wait-for.ts';

const flag = 'debate_mode';
const path = '/api/v1/admin/rollouts';
const percent = 10;
/** Questions under way at a time. */
const together = 8;
/** By then a tenth of the callers has had well over a hundred answers. */
const mostQuestions = 2500;

let service: TestService;
let standIn: LlmStandIn;
/** What the model does to callers that have the flag, while it is out. */
let harm: Behaviour | undefined;
/** Share of callers that has it, as the API tells. */
let share = 0;
let callers = 0;

const isTreated = (caller: string) => bucket(flag, caller) < share;

beforeAll(async () => {
  standIn = await llmStandIns.gemini({ apiKey: 'a-key-of-the-drill' });
  standIn.script(({ prompt }) => {
    const [caller] = /caller-\d+/.exec(prompt) ?? [];
    return caller !== undefined && isTreated(caller) ? harm : undefined;
  });
  service = await startService({
    ...standIn.environment,
    // On a machine that is busy with other things nothing else may make answers worse.
    STEP_BUDGETS: 'intent=20000,retrieve=20000,compose=20000,cite=20000,respond=20000',
  });
  await addDocuments(service.admin, handbook);
});
afterAll(async () => {
  await service?.stop();
  await standIn?.close();
});

/** Of the callers that any drill asks as, one that is in the share. */
const firstTreated = (): string => {
  const named = [...Array(1000).keys()].map((n) => `caller-${n}`);
  return named.find((caller) => bucket(flag, caller) < percent) as string;
};

const show = async (id: string): Promise<Json> => (await service.admin.get(`${path}/${id}`)).body;

async function begin(name: string): Promise<string> {
  const stages = [
    { name: 'a tenth', flags: { [flag]: percent }, min_minutes: 0 },
    { name: 'half', flags: { [flag]: 50 } },
  ];
  const { status, body, text } = await service.admin.post(path, { name, stages, reason: 'a drill' });
  if (status !== 201) throw new Error(text);
  // Within a second; before that the model would harm who does not have the flag yet.
  const caller = firstTreated();
  await waitFor('the flag is out', async () => {
    const json = { question: 'How fast may forklifts drive in the hall?' };
    const asked = await service.admin.post('/api/v1/answers', json, { 'X-Rollout-Id': caller });
    return asked.body.flags[flag].on;
  });
  share = percent;
  return body.id;
}

/** Asks as ever new callers, as long as `goOn` says so; returns how often the flag was on, of how many. */
async function askOnAndOn(goOn: () => boolean): Promise<{ on: number; all: number; wrongArm: number }> {
  const seen = { on: 0, all: 0, wrongArm: 0 };
  const asker = async () => {
    while (goOn() && seen.all < mostQuestions) {
      const caller = `caller-${callers++}`;
      const reply = await service.admin.call('POST', '/api/v1/answers', {
        json: { question: `How fast may forklifts drive in the hall? (${caller})` },
        headers: { 'X-Rollout-Id': caller, Prefer: 'wait=30' },
      });
      if (reply.status >= 300) throw new Error(reply.text);
      const { on, percent: stands } = reply.body.flags[flag];
      seen.all += 1;
      if (on) seen.on += 1;
      // To the point: in the share exactly those whose place is below it.
      if (on !== (stands === percent && bucket(flag, caller) < percent)) seen.wrongArm += 1;
    }
  };
  await Promise.all(Array.from({ length: together }, asker));
  return seen;
}

/** Looks at the rollout all the while. */
async function drill(name: string): Promise<{ report: Json; seen: Awaited<ReturnType<typeof askOnAndOn>> }> {
  const id = await begin(name);
  let running = true;
  const asked = askOnAndOn(() => running);
  const watched = waitFor(
    `${name} was rolled back`,
    async () => {
      const { status, flags } = await show(id);
      if (status === 'rolled_back') return true;
      expect(flags[flag].rollout_percent).toBe(percent);
      return false;
    },
    { withinMs: 200_000, everyMs: 300 },
  ).finally(() => {
    running = false;
    share = 0;
  });
  const [seen] = await Promise.all([asked, watched]);
  return { report: await show(id), seen };
}

/** Seconds from the treatment's hundredth exposure until the rollout ended; none where it ended before. */
async function secondsAfterHundredth(id: string): Promise<number | undefined> {
  const [row] = await service.sql.query<{ seconds: number }>(
    `select extract(epoch from r.ended_at - o.assigned_at)::float8 as seconds
       from rollouts r join rollout_observations o on o.rollout_id = r.id and o.arm = 'treatment'
      where r.id = $1 order by o.assigned_at offset 99 limit 1`,
    [id],
  );
  return row?.seconds;
}

describe('a bad arm at a tenth', () => {
  const kinds: [string, Behaviour, string[]][] = [
    ['slow', { delayMs: 1200 }, ['latency_ms']],
    ['wrong', { text: 'The moon is a cheese of 400 kilometres [1].' }, ['degraded_rate']],
  ];

  it.each(kinds)('that is %s is rolled back by itself', async (kind, behaviour, guards) => {
    harm = behaviour;
    const { report, seen } = await drill(kind);
    harm = undefined;
    const seconds = await secondsAfterHundredth(report.id);
    const { treatment, control } = report.arms;
    // biome-ignore lint/suspicious/noConsole: the drill times itself for who runs it
    console.log(
      `${kind}: ${JSON.stringify({ treatment, control, seconds, note: report.incidents[0].note })}`,
    );
    expect(seconds ?? 0).toBeLessThan(30);
    expect(seen.wrongArm).toBe(0);
    // Three standard deviations of a tenth of so many callers.
    expect(Math.abs(report.share - percent / 100)).toBeLessThan(3 * Math.sqrt(0.09 / seen.all));
    const broken = report.gates.filter(({ verdict }: Json) => verdict === 'breached');
    expect(broken.map(({ metric }: Json) => metric)).toEqual(expect.arrayContaining(guards));
    expect(control).toMatchObject({ errors: 0, degraded: 0, decided: control.exposures - control.pending });
    const { body } = await service.admin.get('/api/v1/admin/flags');
    expect(body.items.find(({ key }: Json) => key === flag)).toMatchObject({ enabled: false });
    await waitFor('who was treated is so no more', async () => {
      const json = { question: 'How fast may forklifts drive?' };
      const asked = await service.admin.post('/api/v1/answers', json, { 'X-Rollout-Id': firstTreated() });
      return !asked.body.flags[flag].on;
    });
  });

  it('that is as good as the others is left alone', async () => {
    const id = await begin('healthy');
    const { all, on } = await askOnAndOn(() => callers % 400 !== 0);
    expect(on).toBeGreaterThan(0);
    await waitFor('its answers are looked at', async () => {
      const { arms } = await show(id);
      return arms.treatment.pending + arms.control.pending === 0;
    });
    expect(all).toBeGreaterThan(0);
    const next = await service.sql.query<{ next_at: Date }>(
      `select next_at from schedules where job = 'tendRollouts'`,
    );
    await waitFor('it was looked at once more', async () => {
      const [now] = await service.sql.query<{ next_at: Date }>(
        `select next_at from schedules where job = 'tendRollouts'`,
      );
      return Number(now?.next_at) > Number(next[0]?.next_at);
    });
    expect(await show(id)).toMatchObject({ status: 'running', incidents: [] });
    await service.admin.post(`${path}/${id}/rollback`, { reason: 'the drill is over' });
  });
});
