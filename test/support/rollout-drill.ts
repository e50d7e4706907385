import { bucket } from '../../src/flag-service.ts';
import type { FlagKey } from '../../src/flags.ts';
import type { Client, Json } from './http.ts';
import type { Behaviour, LlmStandIn } from './llm-stand-in.ts';
import type { Sql } from './sql.ts';
import { waitFor } from './wait-for.ts';

const path = '/api/v1/admin/rollouts';
const answersPath = '/api/v1/answers';
const question = 'How fast may forklifts drive in the hall?';
/** No source says so: an answer that is made of it is degraded. */
export const wrongText = { text: 'The moon is a cheese of 400 kilometres [1].' };

/** What the model does to the callers that have the flag; `exposure`: the how manieth of them it is, from 1. */
export type Harm = (exposure: number) => Behaviour | undefined;

/** How often the flag was on, of how many; `wrongArm`: on for one whose place is not below the share, or the reverse. */
export interface Seen {
  on: number;
  all: number;
  wrongArm: number;
}

/** By the rows: what became of a rollout. */
export interface Times {
  /** Of the treatment, when it ended. */
  exposures: number;
  /** From the treatment's hundredth exposure until the rollout ended; null where it ended before. */
  secondsAfterHundredth: number | null;
}

export interface DrillOptions {
  flag: FlagKey;
  /** What is to be harmed; without one every arm is healthy. */
  standIn?: LlmStandIn;
  percent?: number;
  /** Questions under way at a time. */
  together?: number;
  /** By then a tenth of the callers has had well over a hundred answers. */
  mostQuestions?: number;
  /** Who is not in the share asks one question, answered from the cache: cheap, where times are not what is compared. */
  controlRepeats?: boolean;
  /** Number of its first caller: those before have asked already. */
  firstCaller?: number;
}

export type Drill = ReturnType<typeof openDrill>;

/** Rollouts of one flag under real questions of ever new callers, over HTTP. */
export function openDrill({ admin, sql }: { admin: Client; sql: Sql }, options: DrillOptions) {
  const {
    flag,
    standIn,
    percent = 10,
    together = 8,
    mostQuestions = 2500,
    controlRepeats,
    firstCaller = 0,
  } = options;
  let harm: Harm | undefined;
  /** Share of callers that has the flag, as the API tells. */
  let share = 0;
  let callers = firstCaller;
  const exposed = new Map<string, number>();
  const isTreated = (caller: string) => bucket(flag, caller) < share;

  standIn?.script(({ prompt }) => {
    const [caller] = /caller-\d+/.exec(prompt) ?? [];
    if (!harm || caller === undefined || !isTreated(caller)) return undefined;
    if (!exposed.has(caller)) exposed.set(caller, exposed.size + 1);
    return harm(exposed.get(caller) as number);
  });

  /** Of the callers that any drill asks as, one that is in the share. */
  const firstTreated = (): string => {
    const named = [...Array(1000).keys()].map((n) => `caller-${n}`);
    return named.find((caller) => bucket(flag, caller) < percent) as string;
  };
  const isOn = async (): Promise<boolean> => {
    const headers = { 'X-Rollout-Id': firstTreated() };
    return (await admin.post(answersPath, { question }, headers)).body.flags[flag].on;
  };
  const show = async (id: string): Promise<Json> => (await admin.get(`${path}/${id}`)).body;

  /** Resolves once the flag is out. */
  async function begin(name: string): Promise<string> {
    const stages = [
      { name: 'a tenth', flags: { [flag]: percent }, min_minutes: 0 },
      { name: 'half', flags: { [flag]: 50 } },
    ];
    const { status, body, text } = await admin.post(path, { name, stages, reason: 'a drill' });
    if (status !== 201) throw new Error(text);
    // Within a second; before that the model would harm who does not have the flag yet.
    await waitFor('the flag is out', isOn);
    share = percent;
    return body.id;
  }

  /** Asks as ever new callers, as long as `goOn` says so. */
  async function ask(goOn: (seen: Seen) => boolean): Promise<Seen> {
    const seen = { on: 0, all: 0, wrongArm: 0 };
    const asker = async () => {
      while (goOn(seen) && seen.all < mostQuestions) {
        const caller = `caller-${callers++}`;
        const reply = await admin.call('POST', answersPath, {
          json: { question: controlRepeats && !isTreated(caller) ? question : `${question} (${caller})` },
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

  /** Asks under that harm until the rollout rolls itself back; throws when it does not. Looks at it all the while. */
  async function untilRolledBack(name: string, how: Harm): Promise<{ report: Json; seen: Seen }> {
    harm = how;
    exposed.clear();
    const id = await begin(name);
    let running = true;
    const asked = ask(() => running);
    const watched = waitFor(
      `${name} was rolled back`,
      async () => {
        const { status, flags } = await show(id);
        if (status === 'rolled_back') return true;
        const { rollout_percent } = flags[flag];
        if (rollout_percent !== percent) throw new Error(`${flag} is at ${rollout_percent} %.`);
        return false;
      },
      { withinMs: 200_000, everyMs: 300 },
    ).finally(() => {
      running = false;
      share = 0;
      harm = undefined;
    });
    const [seen] = await Promise.all([asked, watched]);
    return { report: await show(id), seen };
  }

  /** Resolves when all answers of the rollout have ended and it was looked at with them. */
  async function settled(id: string): Promise<Json> {
    await waitFor('its answers are looked at', async () => {
      const { treatment, control } = (await show(id)).arms;
      return treatment.pending + control.pending === 0;
    });
    const nextLook = async () => {
      const [row] = await sql.query<{ next_at: Date }>(
        `select next_at from schedules where job = 'tendRollouts'`,
      );
      return Number(row?.next_at);
    };
    const next = await nextLook();
    await waitFor('it was looked at once more', async () => (await nextLook()) > next);
    return show(id);
  }

  /** Ends one that nothing else has ended. */
  async function end(id: string): Promise<void> {
    share = 0;
    await admin.post(`${path}/${id}/rollback`, { reason: 'the drill is over' });
  }

  async function timesOf(id: string): Promise<Times> {
    const [row] = await sql.query<{ exposures: number; seconds: number | null }>(
      `with seen as (
         select o.assigned_at, r.ended_at, row_number() over (order by o.assigned_at) as n
           from rollouts r join rollout_observations o on o.rollout_id = r.id and o.arm = 'treatment'
          where r.id = $1 and o.assigned_at <= coalesce(r.ended_at, now()))
       select count(*)::int as exposures,
              max(extract(epoch from ended_at - assigned_at)) filter (where n = 100)::float8 as seconds from seen`,
      [id],
    );
    return { exposures: row?.exposures ?? 0, secondsAfterHundredth: row?.seconds ?? null };
  }

  return { begin, ask, untilRolledBack, settled, end, timesOf, show, isOn, percent, flag };
}
