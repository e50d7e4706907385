import type { Db } from '../db/connect.ts';
import { findBranches } from '../db/taxonomy.ts';
import type { Filters } from './passage.ts';

/**
 * Says which of the paths that a search is confined to lead elsewhere by now, or nowhere. A restricted key is not told: where
 * things have gone, and what there is, is part of what it may not see.
 */
export async function branchNotes(db: Db, filters: Filters | undefined): Promise<string[]> {
  const paths = (filters?.canonicalIn ?? []).filter((path) => path.length > 0);
  if (paths.length === 0 || filters?.access) return [];
  const branches = await findBranches(db, paths);
  return branches.flatMap(({ asked, now }) => {
    const names = now.map((path) => JSON.stringify(path));
    if (names.length === 0)
      return [`canonical_in: the taxonomy has no path ${JSON.stringify(asked)}, so nothing is below it.`];
    if (names.length === 1 && names[0] === JSON.stringify(asked)) return [];
    return [`canonical_in: ${JSON.stringify(asked)} is ${names.join(' and ')} by now, which was searched.`];
  });
}
