import { seededRandom } from '../../src/evaluation/random.ts';

/** Numbers that look random and are the same for the same seed, so that a run can be had again. */
export interface Random {
  /** 0 ≤ x < 1 */
  next(): number;
  /** Whole, 0 ≤ x < below. */
  int(below: number): number;
  pick<T>(list: readonly T[]): T;
}

export function createRandom(seed: number): Random {
  const next = seededRandom(seed);
  const int = (below: number) => Math.floor(next() * below);
  return { next, int, pick: (list) => list[int(list.length)] as (typeof list)[number] };
}
