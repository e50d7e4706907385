import type { DocumentText } from '../evolution/features.ts';
import type { Db } from './connect.ts';
import { versionInForceSql } from './taxonomy-places.ts';

export interface NodeSize {
  id: string;
  path: string[];
  /** That stand at it, not below. */
  documents: number;
}

/** Nodes in force at which at least so many documents stand, the largest first. */
export async function readNodeSizes(db: Db, fewest: number, most: number): Promise<NodeSize[]> {
  const { rows } = await db.raw(
    `select n.id, n.path, p.documents from taxonomy_nodes n join (
       select node_id, count(distinct p.document_id)::int as documents
         from document_places p join documents d on d.id = p.document_id and d.deleted_at is null and d.live_version is not null
        where p.version = ${versionInForceSql} group by node_id) as p on p.node_id = n.id
      where n.version = ${versionInForceSql} and p.documents >= :fewest order by p.documents desc, n.id limit :most`,
    { fewest, most },
  );
  return rows;
}

const live = 'd.deleted_at is null and d.live_version is not null';
/** In an order that has nothing to do with when they came, and is the same each time. */
const mixed = 'md5(d.id::text)';

/** Documents at a node, `limit` of them after `after`. */
export async function readMembers(db: Db, nodeId: string, limit: number, offset = 0): Promise<string[]> {
  const { rows } = await db.raw(
    `select d.id from documents d where ${live} and exists (
       select from document_places p where p.document_id = d.id and p.node_id = :nodeId and p.version = ${versionInForceSql})
      order by ${mixed}, d.id limit :limit offset :offset`,
    { nodeId, limit, offset },
  );
  return rows.map(({ id }: { id: string }) => id);
}

/** Documents that stand nowhere in the version in force. */
export async function readUnplaced(db: Db, limit: number): Promise<string[]> {
  const { rows } = await db.raw(
    `select d.id from documents d where ${live} and not exists (
       select from document_places p where p.document_id = d.id and p.version = ${versionInForceSql})
      order by ${mixed}, d.id limit :limit`,
    { limit },
  );
  return rows.map(({ id }: { id: string }) => id);
}

/** Chunks of a document that speak for all of it. */
const chunksRead = 8;
const charactersRead = 200;

export interface SampledDocument extends Omit<DocumentText, 'readable'> {
  id: string;
  title: string | null;
  /** How its text begins. */
  beginning: string;
}

/** Words, mean embedding by `model` and beginnings of documents, in the order of `ids`; one that went meanwhile is missing. */
export async function sampleDocuments(
  db: Db,
  ids: readonly string[],
  model: string | null,
): Promise<SampledDocument[]> {
  if (ids.length === 0) return [];
  const { rows } = await db.raw(
    `with read as materialized (
       select c.document_id, c.seq, c.n, c.words, c.frequencies, c.text from chunks c
        where c.live and c.n < ${chunksRead} and c.document_id = any(:ids::uuid[])),
     counted as (
       select document_id, json_object_agg(word, n) as words from (
         select r.document_id, w.word, sum(w.frequency)::int as n
           from read r cross join lateral unnest(r.words, r.frequencies) as w(word, frequency) group by 1, 2) as x group by 1),
     meant as (
       select r.document_id, avg(v.embedding)::text as embedding
         from read r join chunk_vectors v on v.chunk_seq = r.seq and v.model = :model group by 1)
     select d.id, d.title, left(b.text, ${charactersRead}) as beginning, c.words, m.embedding
       from unnest(:ids::uuid[]) with ordinality as w(id, n) join documents d on d.id = w.id and ${live}
       join read b on b.document_id = d.id and b.n = 0
       left join counted c on c.document_id = d.id left join meant m on m.document_id = d.id order by w.n`,
    { ids: [...ids], model },
  );
  return rows.map(
    (
      row: Omit<SampledDocument, 'words' | 'embedding'> & { words: object | null; embedding: string | null },
    ) => ({
      ...row,
      words: new Map(Object.entries(row.words ?? {})),
      embedding: row.embedding === null ? null : Float32Array.from(JSON.parse(row.embedding) as number[]),
    }),
  );
}

export interface UnansweredQuestion {
  id: string;
  question: string;
}

/** Questions of these days that no answer was found for, the newest first; those of one key that repeat themselves once. */
export async function readUnanswered(db: Db, days: number, limit: number): Promise<UnansweredQuestion[]> {
  const { rows } = await db.raw(
    `select id, question from (
       select distinct on (api_key_id, lower(question)) id, question, created_at from answers
        where status = 'completed' and (result->>'abstained')::boolean and deleted_at is null
          and request->'replay' is null and created_at > now() - :days * interval '1 day'
        order by api_key_id, lower(question), created_at desc) as each
      order by created_at desc limit :limit`,
    { days, limit },
  );
  return rows;
}
