import { calibrate, type Seen, type Weights } from './calibrate.ts';
import { humilityOf, leadOf } from './humility.ts';
import type { Item } from './item.ts';
import { fitLegs, type Legs, type Lesson, type Prepared, prepare, usualWeights } from './learn.ts';
import { softmax } from './linear.ts';
import { supportOf } from './support.ts';

/** A learned classifier: pure, the same answer for the same text. */
export interface Classifier {
  /** Probability of each class. */
  classify: (item: Item) => Float64Array;
  legs: Legs;
  weights: Weights;
  /** Whether the texts without a class were of use. */
  usesPool: boolean;
  /** What examples got from legs that never saw them: class by class probabilities, for thresholds and figures. */
  judged: { probabilities: Float64Array; of: number }[];
}

const folds = 4;
/** How much less sure to be where no example has shown how good the classifier is. */
const unproven = 0.5;
/** Fewer texts without a class than these teach little but themselves: what a handful share would confirm its own guess. */
const leastPool = 100;

/**
 * Learns from examples, names and texts without a class. Cross-validation on the examples decides what the legs are worth, how
 * sure to be, and whether the texts without a class help.
 */
export async function learn(lesson: Lesson): Promise<Classifier> {
  const prepared = await prepare(lesson);
  const withPool = lesson.pool.length >= leastPool;
  const choices = withPool ? [true, false] : [false];
  const tried = [];
  for (const usePool of choices) {
    const seen = await holdOut(prepared, usePool);
    tried.push({ usePool, seen, ...calibrateOn(seen, lesson) });
  }
  // Without examples nothing speaks against the pool.
  tried.sort((a, b) => a.loss - b.loss);
  const best = tried[0] as (typeof tried)[number];
  const legs = await fitLegs(prepared, new Set(), best.usePool);
  const support = supportOf(prepared.vocabulary, lesson);
  const combine = (meaning: Float64Array, words: Float64Array) =>
    meaning.map((score, k) => best.weights.meaning * score + best.weights.words * (words[k] as number));
  const held = best.seen.map(({ meaning, words, of }) => ({ scores: combine(meaning, words), of }));
  const humility = humilityOf(held.map(({ scores }) => leadOf(scores)));
  /** What is not believed is anybody's: of every class alike. */
  const believe = (scores: Float64Array, supported: number) => {
    const share = supported * humility(leadOf(scores));
    return softmax(scores).map((probability) => share * probability + (1 - share) / lesson.classes);
  };
  return {
    classify: (item) => believe(combine(legs.meaning(item), legs.words.score(item)), support(item)),
    legs,
    weights: best.weights,
    usesPool: best.usePool,
    judged: held.map(({ scores, of }) => ({ probabilities: believe(scores, 1), of })),
  };
}

function calibrateOn(seen: readonly Seen[], { classes }: Lesson): { weights: Weights; loss: number } {
  if (seen.length > 0) return calibrate(seen, usualWeights);
  const weights = { meaning: usualWeights.meaning * unproven, words: usualWeights.words * unproven };
  return { weights, loss: Math.log(classes) };
}

/** Every example by legs that were fitted without it and its fold. */
async function holdOut(prepared: Prepared, usePool: boolean): Promise<Seen[]> {
  const { examples } = prepared.lesson;
  const foldOf = assignFolds(examples.map(({ of }) => of));
  const seen: Seen[] = [];
  for (let fold = 0; fold < folds; fold++) {
    const held = new Set(examples.flatMap((_, i) => (foldOf[i] === fold ? [i] : [])));
    if (held.size === 0) continue;
    const { meaning, words } = await fitLegs(prepared, held, usePool);
    for (const i of held) {
      const { item, of } = examples[i] as { item: Item; of: number };
      seen.push({ meaning: meaning(item), words: words.score(item), of });
    }
  }
  return seen;
}

/** The examples of each class in turn, so that every fold has some of each. */
function assignFolds(classes: readonly number[]): number[] {
  const next = new Map<number, number>();
  return classes.map((of) => {
    const n = next.get(of) ?? of;
    next.set(of, n + 1);
    return n % folds;
  });
}
