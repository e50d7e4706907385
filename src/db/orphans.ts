import type { Knex } from 'knex';
import { scrubRecords } from './answer-records.ts';
import { scrubCiting } from './answer-sources.ts';
import type { Db } from './connect.ts';
import { changeCorpus } from './versions.ts';

/** Rows of a table that belong to nothing any more. Foreign keys and transactions leave none: this looks whether it is so. */
interface OrphanKind {
  kind: string;
  table: string;
  /** On `t`, a row of the table. */
  where: string;
  /** What is done with them; unless given they are deleted. */
  repair?: (trx: Knex.Transaction) => Promise<number>;
}

const noVersion = `not exists (select from document_versions v where v.document_id = t.document_id and v.version = t.version)`;
const noDocument = (id: string) => `not exists (select from documents d where d.id = ${id})`;
const citesNobody = (sources: string) => `exists (
  select from jsonb_array_elements(case jsonb_typeof(${sources}) when 'array' then ${sources} else '[]' end) s
   where s->'deleted' is distinct from 'true'::jsonb and s->>'document_id' is not null and ${noDocument(`(s->>'document_id')::uuid`)})`;

/** Chunks before their versions, since removing them tells the corpus; and what is cached of it before that. */
const kinds: OrphanKind[] = [
  {
    kind: 'query_cache',
    table: 'query_cache',
    // Results of searches, and answers.
    where: `t.corpus_version = (select version from corpus_state) and exists (
      select from jsonb_array_elements(coalesce(nullif(t.value->'passages', 'null'), t.value#>'{record,passages}', '[]')) p
       where not exists (
         select from documents d where d.id = coalesce(p->>'documentId', p->>'document_id')::uuid and d.deleted_at is null))`,
  },
  {
    kind: 'chunks',
    table: 'chunks',
    // Of no version; or findable though its version is not the live one.
    where: `(${noVersion} or (t.live and not exists (
      select from documents d where d.id = t.document_id and d.live_version = t.version)))`,
    repair: removeChunks,
  },
  {
    kind: 'document_versions',
    table: 'document_versions',
    where: noDocument('t.document_id'),
  },
  {
    kind: 'blob_parts',
    table: 'blob_parts',
    // What is still being uploaded belongs to no document yet: sweepExpired looks after it.
    where: `t.document_id is not null and ${noVersion}`,
  },
  {
    kind: 'text_parts',
    table: 'text_parts',
    where: noVersion,
  },
  {
    kind: 'kept_vectors',
    table: 'kept_vectors',
    where: noVersion,
  },
  {
    kind: 'chunk_vectors',
    table: 'chunk_vectors',
    where: `not exists (select from chunks c where c.seq = t.chunk_seq)`,
  },
  {
    kind: 'postings',
    table: 'postings',
    where: `not exists (select from chunks c where c.seq = t.chunk_seq and c.live)`,
  },
  {
    kind: 'documents',
    table: 'documents',
    // Hidden, and nobody is about to remove it.
    where: `t.deleted_at is not null and not exists (
      select from operations o where o.id = t.deleted_by and o.status in ('queued', 'in_progress'))`,
    repair: reopenDeletes,
  },
  {
    kind: 'answers',
    table: 'answers',
    where: citesNobody(`t.result->'sources'`),
    repair: (trx) => scrubAnswers(trx),
  },
  {
    kind: 'answer_events',
    table: 'answer_events',
    where: `t.type = 'delta' and t.data->>'text' <> '' and exists (
      select from unnest(t.documents) as x(id) where ${noDocument('x.id')})`,
    repair: async (trx) =>
      (
        await trx.raw(
          `update answer_events t set data = '{"text": "", "deleted": true}' where ${whereOf('answer_events')}`,
        )
      ).rowCount,
  },
  {
    kind: 'answer_records',
    table: 'answer_records',
    where: `exists (select from unnest(t.document_ids) as held(id) where ${noDocument('held.id')})`,
    repair: (trx) => scrubAnswerRecords(trx),
  },
  {
    kind: 'ingestion_items',
    table: 'ingestion_items',
    where: `t.document_id is not null and (t.external_id is not null or t.error is not null) and ${noDocument('t.document_id')}`,
    repair: async (trx) =>
      (
        await trx.raw(
          `update ingestion_items t set external_id = null, error = null where ${whereOf('ingestion_items')}`,
        )
      ).rowCount,
  },
];

function whereOf(kind: string): string {
  return kinds.find((one) => one.kind === kind)?.where as string;
}

async function removeChunks(trx: Knex.Transaction): Promise<number> {
  const { rows } = await trx.raw(
    `with gone as (delete from chunks t where ${whereOf('chunks')} returning live, word_count)
     select count(*)::int as n, count(*) filter (where live)::int as chunks,
            coalesce(sum(word_count) filter (where live), 0)::int as words from gone`,
  );
  const [{ n, chunks, words }] = rows;
  if (n > 0) await changeCorpus(trx, { chunks: -chunks, words: -words });
  return n;
}

/** An operation for each that has none, and those that were given up on once more: requeueLost brings them to a worker. */
async function reopenDeletes(trx: Knex.Transaction): Promise<number> {
  const { rows } = await trx.raw(
    `select t.id, t.deleted_by from documents t where ${whereOf('documents')} order by t.id for update`,
  );
  for (const { id, deleted_by } of rows) {
    const opened = await trx('operations')
      .where({ id: deleted_by })
      .whereNotIn('status', ['completed'])
      .update({ status: 'queued', error: null, completed_at: null, attempts: 0 });
    if (opened > 0) continue;
    const [operation] = await trx('operations')
      .insert({ verb: 'delete_document', target: id })
      .returning('id');
    await trx('documents').where({ id }).update({ deleted_by: operation.id });
  }
  return rows.length;
}

async function scrubAnswers(trx: Knex.Transaction): Promise<number> {
  const { rows } = await trx.raw(
    `select distinct s->>'document_id' as id from answers t cross join lateral jsonb_array_elements(t.result->'sources') s
      where ${whereOf('answers')} and s->>'document_id' is not null and ${noDocument(`(s->>'document_id')::uuid`)}`,
  );
  const ids = rows.map(({ id }: { id: string }) => id);
  return ids.length === 0 ? 0 : scrubCiting(trx, ids, 1000);
}

async function scrubAnswerRecords(trx: Knex.Transaction): Promise<number> {
  const { rows } = await trx.raw(
    `select distinct held.id from answer_records t cross join lateral unnest(t.document_ids) as held(id)
      where ${noDocument('held.id')}`,
  );
  const ids = rows.map(({ id }: { id: string }) => id);
  return ids.length === 0 ? 0 : scrubRecords(trx, ids, 1000);
}

export interface Orphans {
  kind: string;
  found: number;
  /** Since counting began. */
  removed: number;
  scanned_at: Date;
}

/** Counts them now, by kind; nothing is changed. */
export async function countOrphans(db: Db): Promise<{ kind: string; found: number }[]> {
  const found: { kind: string; found: number }[] = [];
  for (const { kind, table, where } of kinds) {
    const { rows } = await db.raw(`select count(*)::int as n from ${table} t where ${where}`);
    found.push({ kind, found: rows[0].n });
  }
  return found;
}

/** Counts them, removes or repairs them, and notes both for `readOrphans`. */
export async function removeOrphans(db: Knex): Promise<Orphans[]> {
  for (const { kind, found } of await countOrphans(db)) {
    const { table, where, repair } = kinds.find((one) => one.kind === kind) as OrphanKind;
    const remove =
      repair ??
      (async (trx: Knex.Transaction) => (await trx.raw(`delete from ${table} t where ${where}`)).rowCount);
    await db.transaction(async (trx) => {
      const removed = found === 0 ? 0 : await remove(trx);
      await trx.raw(
        `insert into orphans (kind, found, removed) values (:kind, :found, :removed)
         on conflict (kind) do update set found = :found, removed = orphans.removed + :removed, scanned_at = now()`,
        { kind, found, removed },
      );
    });
  }
  return readOrphans(db);
}

/** As the last scan by upkeep found them; empty before the first. */
export async function readOrphans(db: Db): Promise<Orphans[]> {
  return db('orphans').orderBy('kind').select('kind', 'found', 'removed', 'scanned_at');
}
