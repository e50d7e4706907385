import { type GateReading, judgeGate } from './judge-gate.ts';
import { alphaOf, type Plan } from './plan.ts';
import type { Readings } from './readings.ts';

/** What the numbers of a stage come to. */
export interface Judgement {
  gates: GateReading[];
  /** Guards that are broken: reason to roll back. */
  broken: GateReading[];
  /** What the stage still waits for, each in a sentence; none: it can be left. */
  waitsFor: string[];
}

export function judgeStage(plan: Plan, stage: number, readings: Readings): Judgement {
  const { gates: asked, min_minutes, min_samples } = plan.stages[stage] as Plan['stages'][number];
  const alpha = alphaOf(plan);
  const gates = asked.map((gate) => judgeGate(gate, readings, alpha));
  const { decided } = readings.baseline ? readings.control : readings.treatment;
  return {
    gates,
    broken: gates.filter(({ gate, verdict }) => gate.on_breach === 'rollback' && verdict === 'breached'),
    waitsFor: [
      ...(readings.minutes < min_minutes
        ? [`The stage has run for ${whole(readings.minutes)} of ${min_minutes} minutes.`]
        : []),
      ...(decided < min_samples
        ? [
            `${decided} of ${min_samples} answers of the ${readings.baseline ? 'baseline' : 'treatment'} have ended.`,
          ]
        : []),
      ...gates.flatMap(({ gate, verdict }) =>
        verdict === 'passed' ? [] : [`The gate for ${gate.metric} (${gate.measure}) is ${said[verdict]}.`],
      ),
    ],
  };
}

const whole = (minutes: number): number => Math.floor(minutes * 10) / 10;
const said = { breached: 'broken', not_met: 'not met', no_data: 'without data' } as const;
