import type { Assistant } from '../assistants.ts';
import type { Db } from './connect.ts';
import { type Page, positionColumn, readCursor, toPage } from './page.ts';

export interface AssistantRow extends Assistant {
  description: string | null;
  /** Keys that can ask nothing else; revoked ones don't count. */
  bound_keys: number;
  created_at: Date;
  updated_at: Date;
}

export type AssistantFields = Omit<Assistant, 'id'> & { description: string | null };

const columns = `a.id, a.name, a.description, a.canonical_in, a.strategy, a.instructions, a.tools, a.created_at, a.updated_at,
  (select count(*)::int from api_keys k where k.assistant_id = a.id and k.revoked_at is null) as bound_keys`;

export async function listAssistants(
  db: Db,
  query: { limit: number; cursor?: string | undefined },
): Promise<Page<AssistantRow>> {
  const after = readCursor(query.cursor);
  const { rows } = await db.raw(
    `select ${columns}, ${positionColumn('a.created_at')} from assistants a
      where :at::timestamptz is null or (a.created_at, a.id) < (:at::timestamptz, :id::uuid)
      order by a.created_at desc, a.id desc limit :limit`,
    { at: after?.at ?? null, id: after?.id ?? null, limit: query.limit + 1 },
  );
  return toPage<AssistantRow>(rows, query.limit) as Page<AssistantRow>;
}

/** By id, or by name: a name that looks like an id is none. */
export async function findAssistant(db: Db, idOrName: string): Promise<AssistantRow | undefined> {
  const { rows } = await db.raw(
    `select ${columns} from assistants a where a.id::text = :wanted or a.name = :wanted order by a.id::text = :wanted desc limit 1`,
    { wanted: idOrName },
  );
  return rows[0];
}

/** Undefined when the name is taken. */
export async function insertAssistant(
  db: Db,
  id: string,
  fields: AssistantFields,
): Promise<string | undefined> {
  const rows = await db('assistants')
    .insert({ id, ...fields, canonical_in: JSON.stringify(fields.canonical_in) })
    .onConflict('name')
    .ignore()
    .returning('id');
  return rows[0]?.id;
}

/** Held, so that changes follow each other. */
export async function holdAssistant(db: Db, id: string): Promise<AssistantRow | undefined> {
  const { rows } = await db.raw(`select ${columns} from assistants a where a.id = ? for update of a`, [id]);
  return rows[0];
}

/** What is undefined stays. False when the name is taken. */
export async function updateAssistant(
  db: Db,
  id: string,
  { canonical_in, ...change }: { [K in keyof AssistantFields]?: AssistantFields[K] | undefined },
): Promise<boolean> {
  const { name } = change;
  if (name !== undefined && (await db('assistants').where({ name }).whereNot({ id }).first('id')))
    return false;
  await db('assistants')
    .where({ id })
    .update({
      ...change,
      ...(canonical_in && { canonical_in: JSON.stringify(canonical_in) }),
      updated_at: db.fn.now(),
    });
  return true;
}

/** Revoked keys let go of it. False while another key is bound to it. */
export async function deleteAssistant(db: Db, id: string): Promise<boolean> {
  await db('api_keys').where({ assistant_id: id }).whereNotNull('revoked_at').update({ assistant_id: null });
  if (await db('api_keys').where({ assistant_id: id }).first('id')) return false;
  await db('assistants').where({ id }).delete();
  return true;
}
