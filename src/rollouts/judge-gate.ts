import { type Measured, measureGate } from './measure-gate.ts';
import type { Gate } from './plan.ts';
import type { Readings } from './readings.ts';

/**
 * passed: within its limits. breached: beyond them, for sure. not_met: beyond them so far, which may be chance. no_data: nothing
 * to go by yet.
 */
export const verdicts = ['passed', 'breached', 'not_met', 'no_data'] as const;
export type Verdict = (typeof verdicts)[number];

export interface GateReading extends Omit<Measured, 'beyond'> {
  gate: Gate;
  verdict: Verdict;
}

export function judgeGate(gate: Gate, readings: Readings, alpha: number): GateReading {
  const { beyond = false, ...measured } = measureGate(gate, readings, alpha);
  return { gate, ...measured, verdict: beyond ? 'breached' : verdictOf(gate, measured) };
}

/**
 * A gain that is asked for (treatment over control, more than nothing) has to be one for sure as well: looked at often enough, any
 * estimate is above its limit at some time.
 */
function verdictOf({ at_most, at_least, measure }: Gate, { value, lower, upper }: Measured): Verdict {
  if (value === null) return 'no_data';
  const most = at_most ?? Number.POSITIVE_INFINITY;
  const least = at_least ?? Number.NEGATIVE_INFINITY;
  if ((lower !== null && lower > most) || (upper !== null && upper < least)) return 'breached';
  if (value > most || value < least) return 'not_met';
  const gain = measure !== 'level' && least > 0;
  return gain && (lower === null || lower <= 0) ? 'not_met' : 'passed';
}
