import type { Measures } from './classify-measures.ts';

/** As tables for people. */
export function printClassified(title: string, measures: Measures, threshold: number): void {
  const { tuned } = measures;
  console.log(`\n${title}`);
  console.table({
    accuracy: round(measures.accuracy),
    'macro F1': round(measures.macroF1),
    'right root': round(measures.rootAccuracy),
    'right down to each level': measures.levels.map((level) => level.toFixed(4)).join(' '),
    'calibration error': round(measures.calibrationError),
    'area under risk–coverage': round(measures.riskArea),
    'accuracy at 70 % coverage': round(measures.at70),
    [`to a person at ${threshold.toFixed(2)}`]: round(measures.review),
    'right of what is decided there': round(measures.decidedAccuracy),
    'decided by backing off to a parent': round(measures.backedOff),
    'threshold tuned on the examples for .95': round(tuned.threshold),
    'coverage there': round(tuned.coverage),
    'right there': round(tuned.accuracy),
  });
  console.log('coverage, accuracy of the surest part, its lowest confidence');
  for (const { coverage, accuracy, threshold: lowest } of measures.curve)
    console.log(`${coverage.toFixed(2)}  ${accuracy.toFixed(3)}  ${lowest.toFixed(3)}`);
}

function round(value: number): number {
  return Number(value.toFixed(4));
}
