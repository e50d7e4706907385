import type { Planned } from './plan.ts';

export interface Ack {
  /** performance.now() when the reply had come. */
  at: number;
  status: number;
  /** Id of the document, batch, answer or operation. */
  id: string;
  /** Milliseconds of the try that was accepted. */
  ms: number;
}

/** What was asked of the product and what it said. */
export interface Entry extends Planned {
  /** Written only after 200 or 202 had come in full. */
  ack?: Ack;
  /** Tries that ended without a reply: the product may have taken the work or not. */
  cutOff: number;
  /** Tries that nobody listened to: no connection came about. */
  away: number;
  /** Replies that said "not now". */
  putOff: number;
  /** A reply that trying again would not change. */
  refusal?: string;
}

export function openLedger(plan: readonly Planned[]): Entry[] {
  return plan.map((planned) => ({ ...planned, cutOff: 0, away: 0, putOff: 0 }));
}

export const acked = (ledger: readonly Entry[]) => ledger.filter((entry) => entry.ack !== undefined);
