import { bucket } from '../src/flag-service.ts';
import type { FlagKey } from '../src/flags.ts';
import type { Client, Json } from '../test/support/http.ts';
import { type Drill, type Harm, type Seen, wrongText } from '../test/support/rollout-drill.ts';

export const bad: Record<string, Harm> = {
  slow: () => ({ delayMs: 1200 }),
  wrong: () => wrongText,
  late: (exposure) => (exposure > 80 ? { delayMs: 1200 } : undefined),
  seldom: (exposure) => (exposure % 8 === 0 ? wrongText : undefined),
};

export const flag: FlagKey = 'tools_policy';
export const percent = 10;
/** From the hundredth exposure of a bad arm until it has to be rolled back. */
const mostSeconds = 30;

/** What became of one rollout. */
export interface Line {
  arm: string;
  ended: string;
  answers: number;
  /** Of distinct callers, in percent. */
  share: number;
  exposures: number;
  secondsAfter100th: number | null;
  guard: string;
  /** Errors and degraded answers of the control. */
  controlHarmed: number;
  wrongArm: number;
  seconds: number;
  fine: boolean;
}

export const rounded = (value: number): number => Math.round(value * 100) / 100;

export async function drillBad(drill: Drill, name: string): Promise<Line> {
  const startedAt = performance.now();
  const { report, seen } = await drill.untilRolledBack(name, bad[name] as Harm);
  const line = await lineOf(drill, name, report, seen, startedAt);
  const inTime = (line.secondsAfter100th ?? 0) <= mostSeconds;
  return { ...line, fine: line.fine && inTime && report.status === 'rolled_back' };
}

/** `first`: done once the flag is out. */
export async function drillHealthy(
  drill: Drill,
  name: string,
  exposures: number,
  first: () => Promise<void>,
): Promise<Line> {
  const startedAt = performance.now();
  const id = await drill.begin(name);
  await first();
  const seen = await drill.ask(({ on, all }) => on < exposures && all < 20 * exposures);
  const report = await drill.settled(id);
  const line = await lineOf(drill, name, report, seen, startedAt);
  await drill.end(id);
  return { ...line, fine: line.fine && report.status === 'running' };
}

async function lineOf(drill: Drill, arm: string, report: Json, seen: Seen, startedAt: number): Promise<Line> {
  const { exposures, secondsAfterHundredth } = await drill.timesOf(report.id);
  const { errors, degraded } = report.arms.control;
  const broken = report.gates.filter(({ verdict }: Json) => verdict === 'breached');
  const line = {
    ...{ arm, ended: report.status, answers: seen.all, share: rounded((100 * seen.on) / seen.all) },
    ...{ exposures, secondsAfter100th: secondsAfterHundredth && rounded(secondsAfterHundredth) },
    guard: broken.map(({ metric }: Json) => metric).join(' '),
    ...{ controlHarmed: errors + degraded, wrongArm: seen.wrongArm },
    seconds: rounded((performance.now() - startedAt) / 1000),
  };
  process.stderr.write(`${JSON.stringify(line)}\n`);
  return { ...line, fine: line.controlHarmed === 0 && line.wrongArm === 0 };
}

/** For how many of so many callers the flag is on, as an SDK would be told; and that it is for those whose place says so. */
export async function askForMany(admin: Client, count: number) {
  const path = `/ofrep/v1/evaluate/flags/${flag}`;
  const seen = { callers: 0, on: 0, wrongArm: 0 };
  let next = 0;
  const asker = async () => {
    while (next < count) {
      const targetingKey = `user-${next++}`;
      const { status, body, text } = await admin.post(path, { context: { targetingKey } });
      if (status !== 200) throw new Error(text);
      seen.callers += 1;
      if (body.value) seen.on += 1;
      if (body.value !== bucket(flag, targetingKey) < percent) seen.wrongArm += 1;
    }
  };
  await Promise.all(Array.from({ length: 16 }, asker));
  return { ...seen, share: rounded((100 * seen.on) / Math.max(1, seen.callers)) };
}
