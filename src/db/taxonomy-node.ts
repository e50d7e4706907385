import type { Db } from './connect.ts';
import { versionInForceSql } from './taxonomy-places.ts';

export interface FoundNode {
  id: string;
  path: string[];
}

/** The node in force of this id or path. */
export async function findNode(db: Db, named: string | readonly string[]): Promise<FoundNode | undefined> {
  const { rows } = await db.raw(
    `select id, path from taxonomy_nodes where version = ${versionInForceSql}
        and ${typeof named === 'string' ? 'id = ?::uuid' : 'path = ?::text[]'}`,
    [typeof named === 'string' ? named : [...named]],
  );
  return rows[0];
}
