import type { Knex } from 'knex';
import type { Access } from '../access.ts';
import { maySee } from './access-conditions.ts';
import type { Db } from './connect.ts';
import { type Page, positionColumn, readCursor, toPage } from './page.ts';
import { versionInForceSql } from './taxonomy-places.ts';

export interface ExampleRow {
  id: string;
  node_id: string;
  path: string[] | null;
  document_id: string | null;
  text: string | null;
  source: 'given' | 'review';
  created_by: string;
  created_at: Date;
}

export interface NewExample {
  nodeId: string;
  by: string;
  source: 'given' | 'review';
  content: { documentId: string } | { text: string };
}

/** Tells every process that what is learned from has changed. */
export async function raiseRevision(trx: Knex.Transaction): Promise<void> {
  await trx('classify_state').increment('revision', 1);
}

/** A document has one example at most: the newest word on it stands. */
export async function insertExample(trx: Knex.Transaction, { nodeId, by, source, content }: NewExample) {
  const { rows } = await trx.raw(
    `insert into classify_examples as e (node_id, document_id, text, source, created_by)
     values (:nodeId, :documentId, :text, :source, :by)
     on conflict (document_id) do update
       set node_id = excluded.node_id, source = excluded.source, created_by = excluded.created_by, created_at = now()
     returning id`,
    {
      nodeId,
      by,
      source,
      documentId: 'documentId' in content ? content.documentId : null,
      text: 'text' in content ? content.text : null,
    },
  );
  await raiseRevision(trx);
  return rows[0].id as string;
}

const columns = `e.id, e.node_id, n.path, e.document_id, e.text, e.source, e.created_by, e.created_at`;
const source = `classify_examples e left join taxonomy_nodes n on n.id = e.node_id and n.version = ${versionInForceSql}
  left join documents d on d.id = e.document_id`;

/** Examples of documents that the key may see; those of bare texts are shown to keys without restriction. */
function seen(access: Access | undefined) {
  const { document, bindings } = maySee(access);
  const sql = `(d.deleted_at is null and case when e.document_id is null then ${access ? 'false' : 'true'} else ${document} end)`;
  return { sql, bindings };
}

export async function listExamples(
  db: Db,
  query: { limit: number; cursor?: string | undefined; nodeId?: string | undefined },
  access: Access | undefined,
): Promise<Page<ExampleRow>> {
  const after = readCursor(query.cursor);
  const { sql, bindings } = seen(access);
  const { rows } = await db.raw(
    `select ${columns}, ${positionColumn('e.created_at')} from ${source}
      where ${sql} and ${query.nodeId ? 'e.node_id = :nodeId::uuid' : 'true'}
        and ${after ? '(e.created_at, e.id) < (:at::timestamptz, :id::uuid)' : 'true'}
      order by e.created_at desc, e.id desc limit :limit`,
    { ...bindings, nodeId: query.nodeId ?? null, ...after, limit: query.limit + 1 },
  );
  return toPage<ExampleRow>(rows, query.limit);
}

export async function findExample(
  db: Db,
  id: string,
  access: Access | undefined,
): Promise<ExampleRow | undefined> {
  const { sql, bindings } = seen(access);
  const { rows } = await db.raw(`select ${columns} from ${source} where ${sql} and e.id = :id`, {
    ...bindings,
    id,
  });
  return rows[0];
}

export async function deleteExample(trx: Knex.Transaction, id: string): Promise<void> {
  await trx('classify_examples').where({ id }).delete();
  await raiseRevision(trx);
}

/** An example to learn from; `embedding` is there when it was made with this model. */
export interface TaughtExample {
  id: string;
  nodeId: string;
  documentId: string | null;
  text: string | null;
  embedding: number[] | null;
}

const mostExamples = 5000;

/** The newest examples, at the nodes in force that stand for theirs. */
export async function readExamples(db: Db, model: string): Promise<TaughtExample[]> {
  const { rows } = await db.raw(
    `select e.id, n.id as "nodeId", e.document_id as "documentId", e.text,
            case when e.model = :model then e.embedding::real[] end as embedding
       from classify_examples e
       left join taxonomy_redirects r on r.version = ${versionInForceSql} and r.id = e.node_id
       join taxonomy_nodes n on n.version = ${versionInForceSql} and n.id = coalesce(r.node_id, e.node_id)
       left join documents d on d.id = e.document_id
      where d.deleted_at is null
      order by e.created_at desc, e.id limit ${mostExamples}`,
    { model },
  );
  return rows.reverse();
}

/** Keeps the vector of an example's text, so that it is made once. */
export async function keepExampleVector(
  db: Db,
  id: string,
  model: string,
  vector: Float32Array,
): Promise<void> {
  await db('classify_examples')
    .where({ id })
    .update({ model, embedding: db.raw('?::vector', [`[${vector.join(',')}]`]) });
}
