import type { Knex } from 'knex';
import type { Rule } from '../classify/rules.ts';
import { raiseRevision } from './classify-examples.ts';
import type { Db } from './connect.ts';
import { versionInForceSql } from './taxonomy-places.ts';

export interface NodeRules {
  node_id: string;
  path: string[];
  rules: Rule[];
  updated_by: string | null;
  updated_at: Date | null;
}

/** Undefined: there is no such node in force. */
export async function findRules(db: Db, nodeId: string): Promise<NodeRules | undefined> {
  const { rows } = await db.raw(
    `select n.id as node_id, n.path, coalesce(r.rules, '[]') as rules, r.updated_by, r.updated_at
       from taxonomy_nodes n left join classify_rules r on r.node_id = n.id
      where n.id = ? and n.version = ${versionInForceSql}`,
    [nodeId],
  );
  return rows[0];
}

export async function putRules(
  trx: Knex.Transaction,
  nodeId: string,
  rules: readonly Rule[],
  by: string,
): Promise<void> {
  await trx('classify_rules')
    .insert({ node_id: nodeId, rules: JSON.stringify(rules), updated_by: by })
    .onConflict('node_id')
    .merge({ rules: JSON.stringify(rules), updated_by: by, updated_at: trx.fn.now() });
  await raiseRevision(trx);
}
