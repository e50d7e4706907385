import type { Filters, Passage } from '../retrieval/passage.ts';
import type { ChunkPart } from '../retrieval/stretches.ts';
import { maySee } from './access-conditions.ts';
import type { Db } from './connect.ts';
import { prepared } from './prepared.ts';
import { documentsPutUnder, documentsUnder, shownPath, standsUnder } from './taxonomy-places.ts';

/** A piece of SQL with its named bindings. */
export interface Sql {
  sql: string;
  bindings: Record<string, unknown>;
}

/** A chunk with its score in one leg. */
export interface ScoredChunk {
  seq: number;
  score: number;
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Numbers as a parameter of type bigint[]: the driver quotes them one by one, which takes its time for thousands. */
export function arrayOf(seqs: readonly number[]): string {
  return `{${seqs.join(',')}}`;
}

/** Whether the filters narrow anything. */
export function narrows(filters: Filters | undefined): filters is Filters {
  return filters !== undefined && Object.values(filters).some((value) => value !== undefined);
}

/**
 * A query for the `seq` of every chunk that search may see under the filters. Both legs use these conditions.
 * What can't exist (an id that is no uuid, an unknown path) lets nothing through.
 */
export function visibleChunks(filters: Filters | undefined): Sql {
  const { from, where, bindings } = visibleConditions(filters);
  return { sql: `select c.seq from ${from} where ${where}`, bindings };
}

/** The same in parts: tables with `c` for chunks and `d` for documents, and what must hold of both, and of documents alone. */
export function visibleConditions(filters: Filters | undefined) {
  const bindings: Record<string, unknown> = {};
  if (!narrows(filters)) return { from: 'chunks c', where: 'c.live', ofDocument: 'true', bindings };
  const conditions = ['d.deleted_at is null'];
  if (filters.documentIds) {
    conditions.push('d.id = any(:documentIds::uuid[])');
    bindings.documentIds = filters.documentIds.filter((id) => uuid.test(id));
  }
  if (filters.canonicalIn) conditions.push(standsUnder(filters.canonicalIn, bindings));
  if (filters.collections) {
    conditions.push('d.collection = any(:collections::text[])');
    bindings.collections = filters.collections;
  }
  if (filters.metadata) {
    const metadata = JSON.stringify(filters.metadata);
    conditions.push(metadata.includes('\\u0000') ? 'false' : 'd.metadata @> :metadata::jsonb');
    bindings.metadata = metadata;
  }
  if (filters.access) {
    const { document, bindings: ofAccess } = maySee(filters.access);
    conditions.push(document);
    Object.assign(bindings, ofAccess);
  }
  const from = 'chunks c join documents d on d.id = c.document_id';
  const ofDocument = conditions.join(' and ');
  return { from, where: `c.live and ${ofDocument}`, ofDocument, bindings };
}

/**
 * The same documents, for who goes through all of them: tables with `d`, and what must hold. Where they stand in the taxonomy says
 * which ones come into question, and the others need not be looked at.
 */
export function visibleDocuments(filters: Filters): {
  from: string;
  where: string;
  bindings: Record<string, unknown>;
} {
  const { canonicalIn, access, ...others } = filters;
  const { taxonomyPaths, ...ofKey } = access ?? {};
  const bindings: Record<string, unknown> = {};
  const asked = canonicalIn && !filters.documentIds && documentsUnder(canonicalIn, bindings);
  const allowed =
    !asked && taxonomyPaths && !filters.documentIds && documentsPutUnder(taxonomyPaths, bindings);
  const held = asked ? { ...others, ...(access && { access }) } : { ...filters, access: ofKey };
  const { ofDocument, bindings: ofHeld } = visibleConditions(asked || allowed ? held : filters);
  const placed = asked || allowed;
  return {
    // One by one by their id: the offset keeps the planner from going through all documents.
    from: placed
      ? `(${placed}) as placed cross join lateral (
           select * from documents where id = placed.document_id offset 0) as d`
      : 'documents d',
    where: `d.deleted_at is null and ${ofDocument}`,
    bindings: { ...ofHeld, ...bindings },
  };
}

/** A found chunk as stored, and which of the question's words it holds. */
export type PassageRow = Omit<Passage, 'score' | 'keywordScore' | 'vectorScore' | 'rerankScore' | 'parts'> & {
  /** White space between the chunk before and this one; null where they overlap, and where it is not known. */
  gap: string | null;
  matched: string[];
};

const passagesStatement = `select c.seq as "chunkSeq", c.id as "chunkId", c.document_id as "documentId", c.version, c.n,
         c.start_char as start, c.end_char as "end", c.page, c.heading, c.context, c.gap, c.text,
         coalesce(d.title, v.found->>'title') as title, d.source_url as "sourceUrl",
         coalesce(d.author, v.found->>'author') as author, v.found->>'date' as date, v.content_type as "contentType",
         coalesce(d.language, v.found->>'language') as language, ${shownPath('d')} as "taxonomyPath", d.metadata,
         array(select word from unnest(c.words) as word where word = any(:words::text[])) as matched
    from chunks c
    join documents d on d.id = c.document_id and d.deleted_at is null
    join document_versions v on v.document_id = c.document_id and v.version = c.version
   where c.seq = any(:seqs::bigint[]) and c.live`;

/** The chunks with what a citation needs, by seq. One that was deleted or replaced since it was found is left out. */
export async function readPassages(
  db: Db,
  seqs: readonly number[],
  words: readonly string[],
): Promise<Map<number, PassageRow>> {
  const { rows } = await prepared(db, passagesStatement, { words: [...words], seqs: arrayOf(seqs) });
  return new Map(rows.map((row: PassageRow) => [row.chunkSeq, row]));
}

/** Chunks `from` to `to` of a version. */
export interface ChunkSpan {
  documentId: string;
  version: number;
  from: number;
  to: number;
}

type NeighbourRow = ChunkPart & Pick<PassageRow, 'documentId' | 'version'>;

/** The live chunks of the spans, in no order; each once, however many spans hold it. */
export async function readChunksAround(db: Db, spans: readonly ChunkSpan[]): Promise<NeighbourRow[]> {
  const { rows } = await db.raw(
    `select c.id as "chunkId", c.document_id as "documentId", c.version, c.n, c.start_char as start, c.end_char as "end",
            c.page, c.heading, c.context, c.gap, c.text
       from (select distinct s.document_id, s.version, n
               from unnest(?::uuid[], ?::int[], ?::int[], ?::int[]) as s(document_id, version, first, last)
              cross join lateral generate_series(s.first, s.last) as n) as wanted
       join documents d on d.id = wanted.document_id and d.deleted_at is null
       join chunks c on c.document_id = wanted.document_id and c.version = wanted.version and c.n = wanted.n and c.live`,
    [
      spans.map(({ documentId }) => documentId),
      spans.map(({ version }) => version),
      spans.map(({ from }) => from),
      spans.map(({ to }) => to),
    ],
  );
  return rows;
}
