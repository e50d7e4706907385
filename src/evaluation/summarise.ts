import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { QueryScore } from '../db/evaluation-scores.ts';
import { comparePaired } from './compare.ts';
import { bootstrap, mean } from './measures.ts';

export const measureNames = ['ndcg@10', 'recall@10', 'recall@100', 'mrr@10'] as const;
export type MeasureName = (typeof measureNames)[number];

const columnOf = {
  'ndcg@10': 'ndcg_10',
  'recall@10': 'recall_10',
  'recall@100': 'recall_100',
  'mrr@10': 'mrr_10',
} as const satisfies Record<MeasureName, keyof QueryScore>;

/** Keeps a comparison of many questions from blocking the process for long: 50,000 get 1,000 rounds. */
const mostDraws = 20_000_000;

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
    /** Two-sided, of a paired randomisation test. */
    p: number;
    queries: number;
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
export async function summariseScores(
  scores: readonly QueryScore[],
  strategies: readonly string[],
): Promise<EvaluationResult> {
  const measured = scores.filter(({ relevant }) => relevant > 0);
  const of = (strategy: string) => measured.filter((score) => score.strategy === strategy);
  const first = scores.filter(({ strategy }) => strategy === strategies[0]);
  const versions = scores.map((score) => score.corpus_version);
  const summaries: EvaluationResult['strategies'] = {};
  for (const name of strategies) summaries[name] = await summariseOne(of(name));
  const differences: EvaluationResult['differences'] = [];
  for (const [first, second] of pairs(strategies)) {
    await yieldToOthers();
    differences.push({ first, second, measure: 'ndcg@10', ...difference(of(first), of(second)) });
  }
  return {
    strategies: summaries,
    differences,
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

/** Between measures, leases are extended and other jobs go on. */
async function summariseOne(scores: readonly QueryScore[]) {
  const means: [MeasureName, number][] = [];
  const intervals: [MeasureName, [number, number]][] = [];
  for (const name of measureNames) {
    await yieldToOthers();
    const values = scores.map((score) => score[columnOf[name]]);
    means.push([name, mean(values)]);
    intervals.push([name, bootstrap(values)]);
  }
  return {
    ...(Object.fromEntries(means) as Measured),
    intervals: Object.fromEntries(intervals) as Record<MeasureName, [number, number]>,
    queries: scores.length,
  };
}

function difference(a: readonly QueryScore[], b: readonly QueryScore[]) {
  const other = new Map(b.map(({ n, ndcg_10 }) => [n, ndcg_10]));
  const both = a.flatMap(({ n, ndcg_10 }): [number, number][] => {
    const against = other.get(n);
    return against === undefined ? [] : [[ndcg_10, against]];
  });
  const rounds = Math.min(10_000, Math.max(1000, Math.floor(mostDraws / Math.max(1, both.length))));
  const { difference: mean, ...compared } = comparePaired(
    both.map(([first]) => first),
    both.map(([, second]) => second),
    { rounds },
  );
  return { mean, ...compared };
}

function pairs(names: readonly string[]): [string, string][] {
  return names.flatMap((a, i) => names.slice(i + 1).map((b): [string, string] => [a, b]));
}
