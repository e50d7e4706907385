import { mean } from '../src/evaluation/measures.ts';

/** A confidence that was given, and whether the answer was right. */
export interface Judgement {
  confidence: number;
  right: boolean;
}

/** Answers whose confidence lies in [from, to). */
export interface Bin {
  from: number;
  to: number;
  answers: number;
  /** Mean confidence, and share that was right; 0 without answers. */
  confidence: number;
  right: number;
}

const bins = 10;

/** Reliability table: ten bins of equal width; the last includes 1. */
export function reliability(judged: readonly Judgement[]): Bin[] {
  return Array.from({ length: bins }, (_, i) => {
    const within = judged.filter(({ confidence }) => Math.min(bins - 1, Math.floor(confidence * bins)) === i);
    return {
      ...{ from: i / bins, to: (i + 1) / bins, answers: within.length },
      confidence: mean(within.map(({ confidence }) => confidence)),
      right: mean(within.map(({ right }) => Number(right))),
    };
  });
}

/**
 * Expected calibration error over ten bins of equal width (Naeini, Cooper & Hauskrecht 2015): mean distance between
 * confidence and share of right answers, weighted by answers. 0 without any.
 */
export function calibrationError(judged: readonly Judgement[]): number {
  const distance = reliability(judged).reduce(
    (sum, { answers, confidence, right }) => sum + answers * Math.abs(confidence - right),
    0,
  );
  return judged.length === 0 ? 0 : distance / judged.length;
}

export interface Operating {
  threshold: number;
  /** Share that is answered. */
  coverage: number;
  /** Share of the answered that is wrong. */
  risk: number;
}

/** Risk and coverage at thresholds 0, .1 … .9 (El-Yaniv & Wiener 2010). */
export function riskCoverage(judged: readonly Judgement[]): Operating[] {
  return Array.from({ length: 10 }, (_, i) => {
    const threshold = i / 10;
    const answered = judged.filter(({ confidence }) => confidence >= threshold);
    return {
      threshold,
      coverage: judged.length === 0 ? 0 : answered.length / judged.length,
      risk: mean(answered.map(({ right }) => Number(!right))),
    };
  });
}

/** Probability that a right answer has more confidence than a wrong one, ties by half; .5 where one kind is missing. */
export function separation(judged: readonly Judgement[]): number {
  const sorted = [...judged].sort((a, b) => a.confidence - b.confidence);
  const right = judged.filter((one) => one.right).length;
  const wrong = judged.length - right;
  if (right === 0 || wrong === 0) return 0.5;
  let ranks = 0;
  for (let i = 0; i < sorted.length; ) {
    let end = i;
    while (sorted[end]?.confidence === sorted[i]?.confidence) end += 1;
    const rank = (i + 1 + end) / 2;
    for (; i < end; i += 1) if (sorted[i]?.right) ranks += rank;
  }
  return (ranks - (right * (right + 1)) / 2) / (right * wrong);
}
