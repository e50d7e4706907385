import { type Redirect, resolve, type Taxonomy } from './taxonomy.ts';

/** A concept as the last version that had it says where it belongs. */
export interface Stranger {
  id: string;
  parentId: string | null;
  splitFrom: string | null;
}

/**
 * What stands in a version for concepts that it knows nothing of, since they came later or elsewhere: what they were split from,
 * else the nearest of their ancestors that it has, else nothing.
 */
export function redirectStrangers(target: Taxonomy, strangers: readonly Stranger[]): Map<string, Redirect> {
  const byId = new Map(strangers.map((stranger) => [stranger.id, stranger]));
  const find = (start: Stranger): string | null => {
    const seen = new Set<string>();
    for (let at: Stranger | undefined = start; at && !seen.has(at.id); ) {
      seen.add(at.id);
      for (const above of [at.splitFrom, at.parentId]) {
        const node = above === null ? undefined : resolve(target, above);
        if (node !== undefined) return node;
      }
      at = byId.get(at.splitFrom ?? '') ?? byId.get(at.parentId ?? '');
    }
    return null;
  };
  return new Map(strangers.map((one) => [one.id, { nodeId: find(one), kind: 'absent' as const }]));
}
