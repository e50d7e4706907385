import { at, coverageCurve, type Judged, riskArea, thresholdFor } from '../src/classify/risk-coverage.ts';
import { mean } from '../src/evaluation/measures.ts';
import { calibrationError } from './calibration.ts';

/** What was decided of one text. */
export interface Outcome {
  /** Index of the right class and of the likeliest one. */
  right: number;
  guessed: number;
  confidence: number;
  /** How deep the right class is, and how many labels from the root on the guess has right. */
  depth: number;
  levelsRight: number;
  /** What was assigned at the threshold, parents included, or sent to a person; and whether the text does belong there. */
  decided: boolean;
  backedOff: boolean;
  decidedRight: boolean;
}

export interface Measures {
  accuracy: number;
  macroF1: number;
  rootAccuracy: number;
  /** Of each level from the root on, of the texts that are so deep: the guess has all labels right down to there. */
  levels: number[];
  calibrationError: number;
  riskArea: number;
  /** Accuracy of the surest 70 %. */
  at70: number;
  /** Share that goes to a person at the threshold, and how much of the rest is right. */
  review: number;
  decidedAccuracy: number;
  backedOff: number;
  /** Threshold from which on 95 % is right, by the examples alone, and what it gives. */
  tuned: { threshold: number; coverage: number; accuracy: number };
  curve: { coverage: number; accuracy: number; threshold: number }[];
}

/** `known`: cross-validated judgements of the examples, by which the tuned threshold is chosen. */
export function measureOutcomes(outcomes: readonly Outcome[], known: readonly Judged[]): Measures {
  const judged = outcomes.map(({ right, guessed, confidence }) => ({ confidence, right: right === guessed }));
  const decided = outcomes.filter((one) => one.decided);
  const deepest = outcomes.reduce((most, { depth }) => Math.max(most, depth), 0);
  const levels = Array.from({ length: deepest }, (_, i) =>
    share(
      outcomes.filter(({ depth }) => depth > i),
      ({ levelsRight }) => levelsRight > i,
    ),
  );
  const curve = coverageCurve(judged);
  return {
    accuracy: share(judged, ({ right }) => right),
    macroF1: macroF1(outcomes),
    rootAccuracy: levels[0] ?? 0,
    levels,
    calibrationError: calibrationError(judged),
    riskArea: riskArea(judged),
    at70: curve[13]?.accuracy ?? 0,
    review: 1 - decided.length / outcomes.length,
    decidedAccuracy: share(decided, ({ decidedRight }) => decidedRight),
    backedOff: share(outcomes, ({ backedOff }) => backedOff),
    tuned: at(judged, thresholdFor(known, 0.95)),
    curve,
  };
}

function share<T>(all: readonly T[], is: (one: T) => boolean): number {
  return all.length === 0 ? 0 : all.filter(is).length / all.length;
}

/** Mean of the classes' F1. */
function macroF1(outcomes: readonly Outcome[]): number {
  const classes = [...new Set(outcomes.map(({ right }) => right))];
  return mean(
    classes.map((of) => {
      const hits = outcomes.filter(({ right, guessed }) => right === of && guessed === of).length;
      const either = outcomes.filter(({ right }) => right === of).length;
      const guessed = outcomes.filter((one) => one.guessed === of).length;
      return hits === 0 ? 0 : (2 * hits) / (either + guessed);
    }),
  );
}

/** Means over draws, number by number. */
export function meanMeasures(all: readonly Measures[]): Measures {
  const [first] = all as [Measures, ...Measures[]];
  return meanOf(all as never, first as never) as unknown as Measures;
}

type Numbers = number | Numbers[] | { [key: string]: Numbers };

function meanOf(all: readonly Numbers[], like: Numbers): Numbers {
  if (typeof like === 'number') return mean(all as number[]);
  if (Array.isArray(like))
    return like.map((one, i) =>
      meanOf(
        all.map((a) => (a as Numbers[])[i] as Numbers),
        one,
      ),
    );
  return Object.fromEntries(
    Object.entries(like).map(([key, one]) => [
      key,
      meanOf(
        all.map((a) => (a as Record<string, Numbers>)[key] as Numbers),
        one,
      ),
    ]),
  );
}
