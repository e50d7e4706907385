import type { Rule } from '../classify/rules.ts';
import type { Db } from './connect.ts';
import { versionInForceSql } from './taxonomy-places.ts';

/** A node of the version in force, as the classifier sees it. */
export interface NodeToLearn {
  id: string;
  path: string[];
  label: string;
  description: string;
}

/** Names all that a classifier is learned from: while it is the same, so is the classifier. */
export interface LessonKey {
  fingerprint: string;
  /** Of examples and rules. */
  revision: string;
  taxonomyVersion: string;
  nodes: NodeToLearn[];
}

/** Given documents are counted by steps of about a quarter: a classifier is not learned anew for each of ten thousand. */
const growth = 1.25;
/** So few are counted one by one, and only once they are live: a lesson fixed while one was on its way would lack it for good. */
const fewGiven = 64;

/** Nodes in force, and the name of the lesson. One statement: nothing changes within it. */
export async function readLessonKey(db: Db, model: string): Promise<LessonKey> {
  const { rows } = await db.raw(
    `select s.revision::text, f.version, x.hash,
            (select count(*)::int from document_nodes where source = 'given') as given,
            (select count(*)::int from (
               select from document_nodes a join documents d on d.id = a.document_id
                where a.source = 'given' and d.live_version is not null and d.deleted_at is null limit ${fewGiven}) as few) as few,
            (select count(*)::int from classifications) + (select count(*)::int from documents where live_version is not null) as documents,
            coalesce((select json_agg(json_build_object('id', n.id, 'path', n.path, 'label', n.label, 'description', n.description) order by n.id)
                        from taxonomy_nodes n where n.version = f.version), '[]') as nodes
       from classify_state s cross join taxonomy_versions f
      cross join lateral (
        select md5(coalesce(string_agg(n.id::text || array_to_string(n.path, '/') || n.description, '|' order by n.id), '')) as hash
          from taxonomy_nodes n where n.version = f.version) as x
      where f.in_force`,
  );
  const { revision, version, hash, given, few, documents, nodes } = rows[0];
  const step = (count: number) => Math.floor(Math.log(count + 1) / Math.log(growth));
  const fingerprint = [model, version, hash, revision, few, step(given), step(documents)].join(' ');
  return { fingerprint, revision, taxonomyVersion: version, nodes };
}

export interface Lesson {
  id: string;
  taxonomyVersion: string;
  /** Documents given with a path, and where they stand. */
  given: string[];
  pool: string[];
}

/** More documents than these add nothing: the newest given, and as many others as show what texts are like. */
const mostGiven = 4000;
export const mostPool = 2500;

/** Lessons that are kept: of processes that are at different ones, and of versions of the taxonomy that may come back. */
const keptLessons = 10;

/** The lesson of this name; the first who asks decides which documents it is about. The longest unused of the others go. */
export async function fixLesson(db: Db, { fingerprint, taxonomyVersion }: LessonKey): Promise<Lesson> {
  const find = async () => {
    const { rows } = await db.raw(
      `update classifiers set used_at = now() where fingerprint = ?
       returning id, taxonomy_version as "taxonomyVersion", given, pool`,
      [fingerprint],
    );
    return rows[0] as Lesson | undefined;
  };
  const known = await find();
  if (known) return known;
  // By the hash of their text: a sample that is the same wherever the same documents are.
  await db.raw(
    `insert into classifiers (fingerprint, taxonomy_version, given, pool)
     select ?, ?,
            array(select p.document_id from document_places p join documents d on d.id = p.document_id
                   where p.version = ${versionInForceSql} and p.rank = 1 and d.live_version is not null and d.deleted_at is null
                   group by p.document_id order by max(d.created_at) desc, p.document_id limit ${mostGiven}),
            array(select d.id from documents d
                    join document_versions v on v.document_id = d.id and v.version = d.live_version
                   where d.deleted_at is null and not exists (
                     select from document_nodes a where a.document_id = d.id and a.source <> 'classified')
                   order by md5(v.content_hash), d.id limit ${mostPool})
     on conflict (fingerprint) do nothing`,
    [fingerprint, taxonomyVersion],
  );
  const fixed = (await find()) as Lesson;
  await db.raw(
    `delete from classifiers where id <> ? and id in (select id from classifiers order by used_at desc, id offset ${keptLessons})`,
    [fixed.id],
  );
  return fixed;
}

/** Where a document that is learned from stands in force: of a person's word rather than its sender's. */
export async function readTaughtPlaces(
  db: Db,
  documentIds: readonly string[],
): Promise<{ documentId: string; nodeId: string }[]> {
  const { rows } = await db.raw(
    `select distinct on (p.document_id) p.document_id as "documentId", p.node_id as "nodeId" from document_places p
      where p.document_id = any(?::uuid[]) and p.version = ${versionInForceSql} and p.source <> 'classified'
      order by p.document_id, p.rank desc, p.confidence desc, p.node_id`,
    [[...documentIds]],
  );
  return rows;
}

/** A live chunk as it is classified by. */
export interface ChunkToClassify {
  documentId: string;
  chunkId: string;
  n: number;
  words: string[];
  frequencies: number[];
  embedding: number[] | null;
  /** Its beginning. */
  text: string;
}

/** More chunks of a document than this say nothing new of its subject; those read are spread over all of it. */
const mostChunks = 60;

/** Chunks of the live versions with their vectors of the model, document by document. */
export async function readChunks(
  db: Db,
  documentIds: readonly string[],
  { model, most = mostChunks }: { model: string; most?: number },
): Promise<Map<string, ChunkToClassify[]>> {
  const { rows } = await db.raw(
    `select c.document_id as "documentId", c.id as "chunkId", c.n, c.words, c.frequencies, left(c.text, 1000) as text,
            x.embedding::real[] as embedding
       from documents d
       join document_versions v on v.document_id = d.id and v.version = d.live_version
       join chunks c on c.document_id = d.id and c.version = d.live_version
       left join chunk_vectors x on x.chunk_seq = c.seq and x.model = :model
      where d.id = any(:ids::uuid[]) and d.deleted_at is null
        and c.n % greatest(1, ceil(v.chunk_count / :most::numeric)::int) = 0
      order by c.document_id, c.n`,
    { ids: [...documentIds], model, most },
  );
  const chunks = new Map<string, ChunkToClassify[]>();
  for (const row of rows as ChunkToClassify[])
    chunks.set(row.documentId, [...(chunks.get(row.documentId) ?? []), row]);
  return chunks;
}

/** Rules of the nodes in force. */
export async function readRules(db: Db): Promise<{ node: string; rule: Rule }[]> {
  const { rows } = await db.raw(
    `select r.node_id as node, r.rules from classify_rules r
       join taxonomy_nodes n on n.id = r.node_id and n.version = ${versionInForceSql} order by r.node_id`,
  );
  return rows.flatMap(({ node, rules }: { node: string; rules: Rule[] }) =>
    rules.map((rule) => ({ node, rule })),
  );
}
