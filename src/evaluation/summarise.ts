import type { QueryScore } from '../db/evaluation-scores.ts';
import { bootstrap, mean } from './measures.ts';

export const measureNames = ['ndcg@10', 'recall@10', 'recall@100', 'mrr@10'] as const;
export type MeasureName = (typeof measureNames)[number];

const columnOf = {
  'ndcg@10': 'ndcg_10',
  'recall@10': 'recall_10',
  'recall@100': 'recall_100',
  'mrr@10': 'mrr_10',
} as const satisfies Record<MeasureName, keyof QueryScore>;

type Measured = Record<MeasureName, number>;

export interface EvaluationResult {
  strategies: Record<
    string,
    Measured & { intervals: Record<MeasureName, [number, number]>; queries: number }
  >;
  /** Mean of the differences question by question, first minus second; an interval without 0 is more than chance. */
  differences: {
    first: string;
    second: string;
    measure: MeasureName;
    mean: number;
    interval: [number, number];
  }[];
  queries: {
    measured: number;
    /** Left out: none of the documents that answer them exists. */
    unanswerable: number;
    with_missing_documents: number;
  };
  missing_judgements: number;
  /** What was searched; first and last differ when documents came or went meanwhile. */
  corpus_versions: { first: number; last: number };
  models: string[];
}

/**
 * Means over questions with 95 % bootstrap intervals, and paired differences of nDCG@10 between every two strategies. A
 * question none of whose answering documents exists says nothing of any strategy and is left out.
 */
export function summariseScores(
  scores: readonly QueryScore[],
  strategies: readonly string[],
): EvaluationResult {
  const measured = scores.filter(({ relevant }) => relevant > 0);
  const of = (strategy: string) => measured.filter((score) => score.strategy === strategy);
  const first = scores.filter(({ strategy }) => strategy === strategies[0]);
  const versions = scores.map((score) => score.corpus_version);
  return {
    strategies: Object.fromEntries(strategies.map((name) => [name, summariseOne(of(name))])),
    differences: pairs(strategies).map(([a, b]) => ({
      ...{ first: a, second: b, measure: 'ndcg@10' },
      ...difference(of(a), of(b)),
    })),
    queries: {
      measured: first.filter(({ relevant }) => relevant > 0).length,
      unanswerable: first.filter(({ relevant }) => relevant === 0).length,
      with_missing_documents: first.filter(({ missing }) => missing > 0).length,
    },
    missing_judgements: first.reduce((sum, { missing }) => sum + missing, 0),
    corpus_versions: { first: Math.min(...versions), last: Math.max(...versions) },
    models: [...new Set(scores.flatMap(({ model }) => model ?? []))],
  };
}

function summariseOne(scores: readonly QueryScore[]) {
  const values = (name: MeasureName) => scores.map((score) => score[columnOf[name]]);
  const each = <T>(measure: (values: number[]) => T) =>
    Object.fromEntries(measureNames.map((name) => [name, measure(values(name))])) as Record<MeasureName, T>;
  const interval = (values: number[]): [number, number] => (values.length === 0 ? [0, 0] : bootstrap(values));
  return { ...each(mean), intervals: each(interval), queries: scores.length };
}

function difference(a: readonly QueryScore[], b: readonly QueryScore[]) {
  const other = new Map(b.map(({ n, ndcg_10 }) => [n, ndcg_10]));
  const differences = a.flatMap(({ n, ndcg_10 }) => {
    const against = other.get(n);
    return against === undefined ? [] : [ndcg_10 - against];
  });
  const interval: [number, number] = differences.length === 0 ? [0, 0] : bootstrap(differences);
  return { mean: mean(differences), interval };
}

function pairs(names: readonly string[]): [string, string][] {
  return names.flatMap((a, i) => names.slice(i + 1).map((b): [string, string] => [a, b]));
}
