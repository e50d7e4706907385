import { softmax } from './linear.ts';

/** Scores that an example got from legs that never saw it, and its class. */
export interface Seen {
  meaning: Float64Array;
  words: Float64Array;
  of: number;
}

export interface Weights {
  meaning: number;
  words: number;
}

const shares = [0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];
const scales = Array.from({ length: 21 }, (_, i) => 2 ** (i / 4 - 2));
/** More examples tell nothing new of two numbers. */
const mostSeen = 1000;
/** Pull towards the usual weights, as if so many examples spoke for them. */
const prior = 4;

/**
 * The weights of the legs that give the examples the best likelihood: how much each leg is worth, and by their size how sure to be
 * (temperature scaling, Guo et al. 2017). Few examples move them little.
 */
export function calibrate(seen: readonly Seen[], usual: Weights): { weights: Weights; loss: number } {
  const step = Math.ceil(seen.length / mostSeen);
  const some = seen.filter((_, i) => i % step === 0);
  let best = { weights: usual, loss: Infinity };
  const [meaningScale, wordsScale] = [spread(some, 'meaning'), spread(some, 'words')];
  const usualShare = shareOf(usual, meaningScale, wordsScale);
  const size = usual.meaning * meaningScale + usual.words * wordsScale || 1;
  for (const share of shares) {
    for (const scale of scales) {
      const weights = {
        meaning: meaningScale === 0 ? 0 : (share * scale * size) / meaningScale,
        words: wordsScale === 0 ? 0 : ((1 - share) * scale * size) / wordsScale,
      };
      const distance = 4 * (share - usualShare) ** 2 + 0.25 * Math.log2(scale) ** 2;
      const loss = meanLoss(some, weights) + (prior * distance) / (some.length + prior) / 4;
      if (loss < best.loss) best = { weights, loss };
    }
  }
  return { weights: best.weights, loss: meanLoss(some, best.weights) };
}

/** How far apart the scores of a leg lie: their mean distance from best to mean. */
function spread(seen: readonly Seen[], leg: 'meaning' | 'words'): number {
  const distances = seen.map((one) => {
    const scores = one[leg];
    return Math.max(...scores) - scores.reduce((a, b) => a + b, 0) / scores.length;
  });
  return distances.reduce((a, b) => a + b, 0) / (distances.length || 1);
}

function shareOf({ meaning, words }: Weights, meaningScale: number, wordsScale: number): number {
  const both = meaning * meaningScale + words * wordsScale;
  return both === 0 ? 0 : (meaning * meaningScale) / both;
}

/** Mean negative log likelihood of the right classes. */
function meanLoss(seen: readonly Seen[], { meaning, words }: Weights): number {
  let sum = 0;
  for (const one of seen) {
    const scores = softmax(one.meaning.map((score, k) => meaning * score + words * (one.words[k] as number)));
    sum -= Math.log(Math.max(scores[one.of] as number, 1e-9));
  }
  return sum / (seen.length || 1);
}
