import { setImmediate as breathe } from 'node:timers/promises';
import type { Item } from './item.ts';
import { type Matrix, softmax } from './linear.ts';
import {
  addItems,
  centroidLeg,
  factorOf,
  type LeftSide,
  type Leg,
  leftSide,
  meaningLeg,
  type Taught,
} from './meaning-leg.ts';
import { buildVocabulary, type Vocabulary, type WordsLeg, wordsLeg } from './words-leg.ts';

/** What a classifier is learned from. */
export interface Lesson {
  classes: number;
  examples: readonly { item: Item; of: number }[];
  /** Label and description of each class, read like an example of it. */
  names: readonly Item[];
  /** Texts of no known class: what goes together among them tells which words and meanings do. */
  pool: readonly Item[];
}

/** How much the two legs count beside each other, before anything is known of their worth (ag_news, half of train). */
export const usualWeights = { meaning: 6, words: 0.8 };

/** What one fit gives: both legs. */
export interface Legs {
  meaning: Leg;
  words: WordsLeg;
}

/** An unlabelled text counts half of an example. */
const poolWeight = 0.5;
/** The name of a class counts as one example. */
const nameWeight = 1;
const rounds = 5;

/** What all fits of one lesson share. */
export interface Prepared {
  lesson: Lesson;
  vocabulary: Vocabulary;
  left: LeftSide;
  /** The same without the pool. */
  leftOfExamples: LeftSide;
}

export async function prepare(lesson: Lesson): Promise<Prepared> {
  const examples = lesson.examples.map(({ item }) => item);
  const vocabulary = buildVocabulary([...examples, ...lesson.names, ...lesson.pool], lesson.classes);
  const dimensions = [...examples, ...lesson.names].find(({ vector }) => vector)?.vector?.length ?? 0;
  const leftOfExamples = leftSide(dimensions);
  addItems(
    leftOfExamples,
    examples.map((item) => ({ item, weight: 1 })),
  );
  addItems(
    leftOfExamples,
    lesson.names.map((item) => ({ item, weight: nameWeight })),
  );
  const { matrix, total } = leftOfExamples;
  const left = { matrix: { ...matrix, values: matrix.values.slice() }, total };
  for (let at = 0; at < lesson.pool.length; at += 100) {
    addItems(
      left,
      lesson.pool.slice(at, at + 100).map((item) => ({ item, weight: poolWeight })),
    );
    await breathe();
  }
  return { lesson, vocabulary, left, leftOfExamples };
}

/**
 * Fits both legs to the examples without those `held` back. With `usePool` in rounds, each of which has the pool's shares from the
 * round before (expectation maximisation, Nigam et al. 2000): the legs teach each other.
 */
export async function fitLegs(
  prepared: Prepared,
  held: ReadonlySet<number>,
  usePool: boolean,
): Promise<Legs> {
  const { lesson, vocabulary } = prepared;
  const taught = teach(lesson, held);
  const pool = usePool ? lesson.pool : [];
  const factor = factorWithout(prepared, held, usePool);
  if (pool.length === 0) return fitOnce(factor, vocabulary, taught, lesson.classes);
  const first = centroidLeg(taught, lesson.classes);
  const words = wordsLeg(vocabulary, taught, lesson.classes);
  let shares = pool.map((item) => mix(first(item), 15, words.score(item), usualWeights.words));
  await breathe();
  for (let round = 1; ; round++) {
    const guessed = pool.map((item, i) => ({
      item,
      shares: shares[i] as Float64Array,
      weight: poolWeight,
    }));
    const legs = fitOnce(factor, vocabulary, [...taught, ...guessed], lesson.classes);
    await breathe();
    if (round === rounds) return legs;
    shares = pool.map((item) =>
      mix(legs.meaning(item), usualWeights.meaning, legs.words.score(item), usualWeights.words),
    );
    await breathe();
  }
}

function fitOnce(
  factor: Matrix | null,
  vocabulary: Vocabulary,
  taught: readonly Taught[],
  classes: number,
): Legs {
  return {
    meaning: meaningLeg(factor, taught, classes),
    words: wordsLeg(vocabulary, taught, classes),
  };
}

function teach({ examples, names, classes }: Lesson, held: ReadonlySet<number>): Taught[] {
  const given = examples.flatMap(({ item, of }, i) =>
    held.has(i) ? [] : [{ item, shares: only(of, classes), weight: 1 }],
  );
  return [...given, ...names.map((item, of) => ({ item, shares: only(of, classes), weight: nameWeight }))];
}

function only(of: number, classes: number): Float64Array {
  const shares = new Float64Array(classes);
  shares[of] = 1;
  return shares;
}

function factorWithout(
  { lesson, left, leftOfExamples }: Prepared,
  held: ReadonlySet<number>,
  usePool: boolean,
): Matrix | null {
  const { matrix, total } = usePool ? left : leftOfExamples;
  const own = { matrix: { ...matrix, values: matrix.values.slice() }, total };
  const without = [...held].map((i) => ({ item: (lesson.examples[i] as { item: Item }).item, weight: 1 }));
  addItems(own, without, -1);
  return factorOf(own);
}

/** Shares of the classes by both legs. */
function mix(meaning: Float64Array, byMeaning: number, words: Float64Array, byWords: number): Float64Array {
  return softmax(meaning.map((score, k) => byMeaning * score + byWords * (words[k] as number)));
}
