import { bootstrap, mean, ndcg, recall, reciprocalRank } from '../src/evaluation/measures.ts';
import type { EvalQuery } from './dataset.ts';

export const measureNames = ['ndcg@10', 'recall@10', 'recall@100', 'mrr@10'] as const;
export type MeasureName = (typeof measureNames)[number];
export type Measures = Record<MeasureName, number>;

/** Deep enough for recall@100 of documents; search gives at most 100 passages. */
export const depth = 100;
const shown = 10;

/** How one query fared. */
export interface QueryScores extends Measures {
  query: string;
  /** The first ten passages found, best first. */
  ranked: string[];
}

/** Means over the queries, each with its 95 % bootstrap interval. */
export type Scores = Measures &
  Record<`${MeasureName}_interval`, [number, number]> & { queries: number; ms_per_query: number };

export interface Measured {
  scores: Scores;
  perQuery: QueryScores[];
}

/** Asks every query of `find`, which gives passage ids, best first, without repeats. */
export async function measure(
  queries: readonly Pick<EvalQuery, 'id' | 'text' | 'judged'>[],
  find: (text: string) => Promise<string[]>,
  tick: () => void,
): Promise<Measured> {
  const perQuery: QueryScores[] = [];
  const started = performance.now();
  for (const { id, text, judged } of queries) {
    const ranked = await find(text);
    perQuery.push({
      query: id,
      'ndcg@10': ndcg(ranked, judged, 10),
      'recall@10': recall(ranked, judged, 10),
      'recall@100': recall(ranked, judged, depth),
      'mrr@10': reciprocalRank(ranked, judged, 10),
      ranked: ranked.slice(0, shown),
    });
    tick();
  }
  return { scores: summarise(perQuery, performance.now() - started), perQuery };
}

function summarise(perQuery: readonly QueryScores[], milliseconds: number): Scores {
  const entries = measureNames.flatMap((name) => {
    const values = perQuery.map((scores) => scores[name]);
    return [
      [name, mean(values)],
      [`${name}_interval`, bootstrap(values)],
    ];
  });
  return {
    ...Object.fromEntries(entries),
    queries: perQuery.length,
    ms_per_query: milliseconds / Math.max(1, perQuery.length),
  };
}
