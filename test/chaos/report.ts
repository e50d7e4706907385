import type { Audit } from './audit.ts';
import type { Fault, Scene } from './fault.ts';
import { acked } from './ledger.ts';
import type { Product } from './product.ts';
import type { Recovery } from './progress.ts';
import { say } from './say.ts';
import type { Stage } from './stage.ts';

/** The last line of a run. `recovery_s`: from the end of the last injection until all that was unfinished then had ended. */
export interface Result {
  fault: string;
  tier: string;
  seed: number;
  acked: number;
  lost: number;
  doubled: number;
  phantom: number;
  stuck: number;
  reruns: number;
  recovery_s: number;
  /** Limits of the fault itself that did not hold; absent when all did. */
  exceeded?: string[];
}

interface Findings {
  fault: Fault;
  stage: Stage;
  product: Product;
  scene: Scene;
  audit: Audit;
  recovery: Recovery;
  excesses: string[];
  seed: number;
}

const most = 10;
const round = (seconds: number) => Math.round(seconds * 10) / 10;

/** Tells what was found, and counts it. */
export function report({ fault, stage, product, scene, audit, recovery, excesses, seed }: Findings): Result {
  const { ledger } = scene;
  for (const kind of ['lost', 'doubled', 'phantom', 'stuck'] as const) {
    for (const line of audit[kind].slice(0, most)) say(`${kind}: ${line}`);
    if (audit[kind].length > most) say(`${kind}: … and ${audit[kind].length - most} more`);
  }
  for (const entry of ledger) if (entry.refusal) say(`refused: ${entry.key}: ${entry.refusal}`);
  const exceeded = [...excesses, ...product.crashes().map((crash) => `a process crashed: ${crash}`)];
  for (const sentence of exceeded) say(`limit exceeded: ${sentence}`);
  const sum = (of: 'cutOff' | 'away' | 'putOff') => ledger.reduce((total, entry) => total + entry[of], 0);
  const slowest = Math.max(0, ...acked(ledger).map(({ ack }) => ack?.ms ?? 0));
  say(
    `tries cut off ${sum('cutOff')}, without a connection ${sum('away')}, put off ${sum('putOff')}; slowest accepted ${Math.round(slowest)} ms; first progress after ${round(recovery.first)} s`,
  );
  return {
    fault: fault.name,
    tier: stage.tier,
    seed,
    acked: acked(ledger).length,
    lost: audit.lost.length,
    doubled: audit.doubled.length,
    phantom: audit.phantom.length,
    stuck: audit.stuck.length,
    reruns: audit.reruns,
    recovery_s: round(recovery.all),
    ...(exceeded.length > 0 ? { exceeded } : {}),
  };
}

export function isGood({ lost, doubled, phantom, stuck, exceeded }: Result): boolean {
  return lost + doubled + phantom + stuck === 0 && !exceeded;
}
