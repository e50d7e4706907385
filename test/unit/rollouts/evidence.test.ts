import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/evaluation/random.ts';
import {
  differenceOf,
  fewest,
  levelOf,
  meanBounds,
  relativeOf,
  relativeOfLogs,
  type Sums,
  standardErrors,
} from '../../../src/rollouts/means.ts';
import {
  type Count,
  differenceBounds,
  evidenceAbove,
  evidenceOfDifference,
  rateBounds,
} from '../../../src/rollouts/rates.ts';
import { logBeta, logGamma } from '../../../src/rollouts/special.ts';

/** As strict as a guard of a plan with ten of them. */
const alpha = 0.001;
/** As loose as to see errors of the first kind in a few hundred streams. */
const loose = 0.05;
const random = seededRandom(7);
const gauss = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const flip = (rate: number) => (random() < rate ? 1 : 0);
const within = (x: number) => Math.max(0, Math.min(1, x));

interface Stream {
  streams: number;
  /** Exposures of the treatment at which a stream ends. */
  exposures: number;
  /** Share of the treatment. */
  share: number;
}

const add = (sums: Sums, value: number) => {
  sums.n += 1;
  sums.sum += value;
  sums.squares += value * value;
};

/** Share of streams in which `found` says yes at any of the looks, one after every fifth answer. */
function shareFound(
  { streams, exposures, share }: Stream,
  draw: (treated: boolean) => number,
  found: (treatment: Sums, control: Sums) => boolean,
): number {
  let count = 0;
  for (let i = 0; i < streams; i++) {
    const [treatment, control] = [
      { n: 0, sum: 0, squares: 0 },
      { n: 0, sum: 0, squares: 0 },
    ];
    for (let n = 1; treatment.n < exposures; n++) {
      const treated = random() < share;
      add(treated ? treatment : control, draw(treated));
      if (n % 5 === 0 && found(treatment, control)) {
        count++;
        break;
      }
    }
  }
  return count / streams;
}

const count = ({ n, sum }: Sums): Count => ({ k: sum, n });
const moreOften = (error: number, margin: number) => (treatment: Sums, control: Sums) =>
  evidenceOfDifference(count(treatment), count(control), margin) > -Math.log(error);
const higher = (error: number, margin: number) => (treatment: Sums, control: Sums) =>
  meanBounds(differenceOf(treatment, control, true), error).lower > margin;
const slower = (error: number, margin: number) => (treatment: Sums, control: Sums) =>
  relativeOfLogs(treatment, control, error).lower > margin;

describe('looking after every few answers', () => {
  const healthy: Stream = { streams: 200, exposures: 400, share: 0.1 };
  // Three standard deviations of a share over so many streams.
  const most = loose + 3 * Math.sqrt((loose * (1 - loose)) / healthy.streams);

  it('finds nothing where there is nothing, more often than it may', () => {
    expect(shareFound(healthy, () => flip(0.01), moreOften(loose, 0))).toBeLessThan(most);
    expect(shareFound(healthy, () => flip(0.2), moreOften(loose, 0))).toBeLessThan(most);
    expect(shareFound(healthy, () => within(0.15 + 0.25 * gauss()), higher(loose, 0))).toBeLessThan(most);
    // Skewed as latencies are.
    expect(shareFound(healthy, () => gauss(), slower(loose, 0))).toBeLessThan(most);
    expect(
      shareFound(
        healthy,
        () => Math.exp(gauss()),
        (treatment, control) => meanBounds(differenceOf(treatment, control, false), loose).lower > 0,
      ),
    ).toBeLessThan(most);
  });

  it('where a plain test, looked at as often, finds much', () => {
    const plain = (treatment: Sums, control: Sums) => {
      const { value, error, n } = differenceOf(treatment, control, false);
      return n >= fewest && value > 1.645 * error;
    };
    expect(shareFound(healthy, gauss, plain)).toBeGreaterThan(2 * most);
  });

  it('finds a bad arm of a tenth within its first hundred answers', () => {
    const bad: Stream = { streams: 60, exposures: 100, share: 0.1 };
    // Twice as slow; errors of a fifth; citations that carry a fifth less.
    expect(
      shareFound(bad, (treated) => Math.log(treated ? 2 : 1) + 0.5 * gauss(), slower(alpha, 0.1)),
    ).toBeGreaterThan(0.95);
    expect(shareFound(bad, (treated) => flip(treated ? 0.2 : 0.005), moreOften(alpha, 0.01))).toBeGreaterThan(
      0.9,
    );
    expect(
      shareFound(bad, (treated) => 1 - within((treated ? 0.65 : 0.85) + 0.25 * gauss()), higher(alpha, 0.02)),
    ).toBeGreaterThan(0.85);
  });
});

describe('bounds of rates', () => {
  it('close in on the rate, and hold nothing without answers', () => {
    expect(rateBounds({ k: 0, n: 0 }, alpha)).toEqual({ lower: 0, upper: 1 });
    const few = rateBounds({ k: 2, n: 20 }, alpha);
    const many = rateBounds({ k: 2000, n: 20_000 }, alpha);
    for (const { lower, upper } of [few, many]) {
      expect(lower).toBeLessThan(0.1);
      expect(upper).toBeGreaterThan(0.1);
    }
    expect(many.upper - many.lower).toBeLessThan(0.03);
    expect(few.upper - few.lower).toBeGreaterThan(0.2);
    // What has never happened may still be rare.
    expect(rateBounds({ k: 0, n: 1000 }, alpha).upper).toBeGreaterThan(0.001);
  });

  it('are where the evidence is as strong as asked for', () => {
    const one = { k: 30, n: 100 };
    expect(evidenceAbove(one, rateBounds(one, alpha).lower)).toBeCloseTo(-Math.log(alpha), 4);
    const other = { k: 40, n: 900 };
    const { lower, upper } = differenceBounds(one, other, alpha);
    expect(evidenceOfDifference(one, other, lower)).toBeCloseTo(-Math.log(alpha), 4);
    expect(evidenceOfDifference(other, one, -upper)).toBeCloseTo(-Math.log(alpha), 4);
    expect(differenceBounds(other, one, alpha).lower).toBeCloseTo(-upper, 6);
    expect(differenceBounds(one, { k: 0, n: 0 }, alpha)).toEqual({ lower: -1, upper: 1 });
  });
});

describe('bounds of means', () => {
  it('need some values, and are narrowest, in standard errors, where they are tuned to', () => {
    const none = meanBounds({ value: 1, error: 0.1, n: fewest - 1 }, alpha);
    expect(none).toEqual({ lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY });
    expect(standardErrors(100, alpha)).toBeLessThan(standardErrors(10, alpha));
    expect(standardErrors(100, alpha)).toBeLessThan(standardErrors(10_000, alpha));
  });

  it('do not take a few equal values for certainty', () => {
    const same: Sums = { n: 40, sum: 40, squares: 40 };
    const { lower } = meanBounds(levelOf(same, true), alpha);
    expect(lower).toBeGreaterThan(0.8);
    expect(lower).toBeLessThan(1);
  });

  it('say nothing of a ratio to nothing', () => {
    const zero: Sums = { n: 50, sum: 0, squares: 0 };
    const some: Sums = { n: 50, sum: 25, squares: 20 };
    expect(meanBounds(relativeOf(some, zero, true), alpha)).toEqual({
      lower: Number.NEGATIVE_INFINITY,
      upper: Number.POSITIVE_INFINITY,
    });
    expect(relativeOf(some, some, true).value).toBeCloseTo(0);
  });
});

describe('the gamma function', () => {
  it('is that of the factorials, and of halves', () => {
    for (const [x, gamma] of [
      [1, 1],
      [5, 24],
      [11, 3_628_800],
      [0.5, Math.sqrt(Math.PI)],
      [0.25, 3.625609908221908],
    ] as const)
      expect(logGamma(x)).toBeCloseTo(Math.log(gamma), 10);
    expect(logBeta(2, 3)).toBeCloseTo(Math.log(1 / 12), 10);
  });
});
