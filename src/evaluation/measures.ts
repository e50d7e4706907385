import { seededRandom } from './random.ts';

/** Judgements of a query: document id → gain; documents without one count as 0. */
export type Judgements = ReadonlyMap<string, number>;

/** nDCG@k with linear gain and log2 discount (Järvelin & Kekäläinen 2002), as trec_eval and BEIR have it. */
export function ndcg(ranked: readonly string[], judged: Judgements, k: number): number {
  const gained = discounted(ranked.slice(0, k).map((id) => judged.get(id) ?? 0));
  const ideal = discounted([...judged.values()].sort((a, b) => b - a).slice(0, k));
  return ideal === 0 ? 0 : gained / ideal;
}

function discounted(gains: readonly number[]): number {
  return gains.reduce((sum, gain, rank) => sum + gain / Math.log2(rank + 2), 0);
}

/** Share of the relevant documents among the first k. */
export function recall(ranked: readonly string[], judged: Judgements, k: number): number {
  const relevant = [...judged].filter(([, gain]) => gain > 0).map(([id]) => id);
  const found = new Set(ranked.slice(0, k));
  return relevant.length === 0 ? 0 : relevant.filter((id) => found.has(id)).length / relevant.length;
}

/** 1 / rank of the first relevant document among the first k, or 0. */
export function reciprocalRank(ranked: readonly string[], judged: Judgements, k: number): number {
  const rank = ranked.slice(0, k).findIndex((id) => (judged.get(id) ?? 0) > 0);
  return rank === -1 ? 0 : 1 / (rank + 1);
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Bootstrap percentile interval of the mean (95 %), over queries; seeded, so a run can be repeated. */
export function bootstrap(values: readonly number[], rounds = 1000, seed = 1): [number, number] {
  if (values.length === 0) return [0, 0];
  const random = seededRandom(seed);
  const means = Array.from({ length: rounds }, () => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[Math.floor(random() * values.length)] as number;
    return sum / values.length;
  });
  means.sort((a, b) => a - b);
  return [means[Math.floor(rounds * 0.025)] as number, means[Math.ceil(rounds * 0.975) - 1] as number];
}
