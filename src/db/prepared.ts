import { createHash } from 'node:crypto';
import type { Knex } from 'knex';
import type { Db } from './connect.ts';

declare module 'knex' {
  namespace Knex {
    interface Config {
      /** Whether a statement may keep a name on its connection: each has a session of its own. */
      prepares?: boolean;
    }
  }
}

/**
 * A statement that runs with every question: each connection parses it once and, where its plan does not depend on its values,
 * plans it once, which took half of its time. Its text has to be one of few, and what it returns named column by column: a
 * prepared `*` fails once a migration adds a column. Not for statements whose plan has to know its values, as an index for one
 * model alone does. On the embedded tier, where all connections share one session and with it its names, it runs as any other.
 */
export function prepared(db: Db, sql: string, bindings: Record<string, unknown>): Knex.Raw {
  const statement = db.raw(sql, bindings as Record<string, Knex.Value>);
  const { prepares = false } = db.client.config as Knex.Config;
  return prepares ? statement.options({ name: nameOf(sql) }) : statement;
}

/** The same text has the same name, and no other has. */
function nameOf(sql: string): string {
  return createHash('md5').update(sql).digest('hex');
}
