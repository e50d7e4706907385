import type { TaxonomyDiff } from './diff.ts';

export const bumps = ['patch', 'minor', 'major'] as const;
export type Bump = (typeof bumps)[number];

/**
 * What a diff asks of the next version number (semver.org): major when a concept is gone, so that what was kept apart is not
 * any more; minor when concepts came, or stand or are called otherwise, which former paths still lead to; patch for words alone.
 */
export function leastBump(diff: TaxonomyDiff): Bump {
  if (diff.removed.length > 0) return 'major';
  const { added, moved, renamed, parents } = diff;
  return [added, moved, renamed, parents].some((changes) => changes.length > 0) ? 'minor' : 'patch';
}

/** The number after the greatest of those that were published. */
export function nextVersion(published: readonly string[], bump: Bump): string {
  const [major, minor, patch] = published.map(parse).sort(compare).at(-1) ?? [0, 0, 0];
  if (bump === 'major') return `${major + 1}.0.0`;
  return bump === 'minor' ? `${major}.${minor + 1}.0` : `${major}.${minor}.${patch + 1}`;
}

type Numbers = [number, number, number];

function parse(version: string): Numbers {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  return [major, minor, patch];
}

function compare(a: Numbers, b: Numbers): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
