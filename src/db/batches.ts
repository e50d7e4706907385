import type { Principal } from '../access.ts';
import type { ErrorSummary, InputProblem } from '../errors.ts';
import { ownedBy } from './access-conditions.ts';
import type { Db } from './connect.ts';
import { stage } from './documents.ts';
import { type Page, positionColumn, readCursor, toPage } from './page.ts';

export interface BatchCounts {
  total: number;
  queued: number;
  in_progress: number;
  completed: number;
  unchanged: number;
  failed: number;
  cancelled: number;
}

export interface BatchRow {
  id: string;
  created_at: Date;
  cancelled_at: Date | null;
  /** Lines are still being taken in: the total grows. */
  receiving: boolean;
  /** Who received it died: it holds what came until then. */
  interrupted: boolean;
  /** Why it holds less than was to be sent. */
  error: ErrorSummary | null;
  counts: BatchCounts;
  /** Items that ended within the last `window` seconds, a minute at most. */
  recent: number;
  window: number;
  /** When the last item ended; null while one is unfinished or more may come. */
  completed_at: Date | null;
  /** Microseconds since 1970 of the last change of an item. */
  changed: number;
}

/** Where an item stands is read from its version: there is no counter that could drift. A deleted document counts as cancelled. */
export const itemStatus = `
  case when i.outcome <> 'accepted' then i.outcome
       when v.status is null then 'cancelled'
       when v.status in ('parsing', 'embedding') then 'in_progress'
       when v.status = 'ready' then 'completed' else v.status end`;
export const batchItems = `ingestion_items i left join document_versions v on v.document_id = i.document_id and v.version = i.version`;

/** `total` is counted with the rest, in one snapshot: they add up at every moment. */
const counted = `
  select count(*)::int as total,
         count(*) filter (where x.status = 'queued')::int as queued,
         count(*) filter (where x.status = 'in_progress')::int as in_progress,
         count(*) filter (where x.status = 'completed')::int as completed,
         count(*) filter (where x.status = 'unchanged')::int as unchanged,
         count(*) filter (where x.status = 'failed')::int as failed,
         count(*) filter (where x.status = 'cancelled')::int as cancelled,
         count(*) filter (where x.status in ('completed', 'failed') and x.updated_at > now() - interval '1 minute')::int as recent,
         max(x.updated_at) as last_change
    from (select ${itemStatus} as status, v.updated_at from ${batchItems} where i.batch_id = b.id) x`;

/** Those of the ids that there are and the reader is shown, newest first. */
export async function findBatches(db: Db, ids: readonly string[], reader: Principal): Promise<BatchRow[]> {
  const own = ownedBy(reader, 'b.api_key_id');
  const { rows } = await db.raw(
    `select b.id, b.created_at, b.cancelled_at, b.error, coalesce(b.receiving_until > now(), false) as receiving,
            b.receiver is not null and b.receiving_until <= now() as interrupted,
            least(60, greatest(1, extract(epoch from now() - b.created_at)))::float8 as "window",
            (extract(epoch from greatest(b.created_at, b.cancelled_at, s.last_change)) * 1000000)::bigint as changed, s.*
       from ingestion_batches b left join lateral (${counted}) s on true
      where b.id = any(:ids::uuid[]) and ${own.sql} order by b.created_at desc, b.id desc`,
    { ...own.bindings, ids: [...ids] },
  );
  return rows.map(toRow);
}

interface FoundRow extends Omit<BatchRow, 'counts' | 'completed_at'>, BatchCounts {
  last_change: Date | null;
}

function toRow(row: FoundRow): BatchRow {
  const { total, queued, in_progress, completed, unchanged, failed, cancelled, last_change, ...rest } = row;
  const unfinished = queued + in_progress > 0 || rest.receiving;
  return {
    ...rest,
    counts: { total, queued, in_progress, completed, unchanged, failed, cancelled },
    completed_at: unfinished ? null : (last_change ?? rest.created_at),
  };
}

/** Undefined when there is none, or another key made it. */
export async function findBatch(db: Db, id: string, reader: Principal): Promise<BatchRow | undefined> {
  return (await findBatches(db, [id], reader))[0];
}

/** Newest first, those that the reader is shown. */
export async function listBatches(
  db: Db,
  query: { limit: number; cursor?: string | undefined },
  reader: Principal,
): Promise<Page<BatchRow>> {
  const own = ownedBy(reader, 'api_key_id');
  const after = readCursor(query.cursor);
  const { rows } = await db.raw(
    `select id, ${positionColumn('created_at')} from ingestion_batches
      where ${own.sql} and (:at::timestamptz is null or (created_at, id) < (:at::timestamptz, :id::uuid))
      order by created_at desc, id desc limit :limit`,
    { ...own.bindings, at: after?.at ?? null, id: after?.id ?? null, limit: query.limit + 1 },
  );
  const page = toPage<{ id: string }>(rows, query.limit);
  return {
    items: await findBatches(
      db,
      page.items.map(({ id }) => id),
      reader,
    ),
    next_cursor: page.next_cursor,
  };
}

/** What is wrong with an item; of a line that could not be accepted, where. */
export type ItemError = ErrorSummary & { errors?: InputProblem[] };

export const itemStages = ['validation', 'queued', 'parsing', 'embedding'] as const;

export interface ItemRow {
  n: number;
  external_id: string | null;
  document_id: string | null;
  version: number | null;
  status: keyof Omit<BatchCounts, 'total'>;
  /** It is in this one, or failed in it. */
  stage: (typeof itemStages)[number] | null;
  /** Tries of that stage, or of the last one. */
  attempts: number;
  error: ItemError | null;
  /** Of its version. */
  chunk_count: number;
}

/** What happened to a document that nobody worked on any more, from `v` and `d`. */
const overtaken = `
  case when i.outcome = 'accepted' and (v.status is null or d.deleted_at is not null)
         then json_build_object('code', 'not_found', 'detail', 'The document was deleted.', 'retryable', false)
       when v.status = 'cancelled' and d.version > v.version
         then json_build_object('code', 'superseded', 'retryable', false, 'detail',
           'Version ' || d.version || ' of the document came before this one, version ' || v.version || ', was done.') end`;

export async function listItems(
  db: Db,
  batchId: string,
  query: { status?: string | undefined; from: number; limit: number },
): Promise<ItemRow[]> {
  const { rows } = await db.raw(
    `select * from (
       select i.n, i.external_id, i.document_id, i.version, ${itemStatus} as status,
              case when i.outcome = 'failed' then 'validation' when i.outcome = 'unchanged' then null
                   when v.status = 'failed' then coalesce(v.failed_in, 'parsing')
                   when v.status in ('queued', 'parsing', 'embedding') then ${stage} end as stage,
              case when i.outcome <> 'accepted' or v.status is null then 0
                   when v.status in ('embedding', 'ready') then v.embed_failures + 1
                   when v.failed_in = 'embedding' then v.embed_failures else v.attempts end as attempts,
              coalesce(${overtaken}::jsonb, i.error, v.error) as error, coalesce(v.chunk_count, 0) as chunk_count
         from ${batchItems} left join documents d on d.id = i.document_id
        where i.batch_id = ? and i.n >= ?) x
      where ?::text is null or status = ? order by n limit ?`,
    [batchId, query.from, query.status ?? null, query.status ?? null, query.limit],
  );
  return rows;
}
