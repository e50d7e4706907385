import { maxEmbeddingBatch } from '../jobs/batches.ts';
import type { Db } from './connect.ts';
import type { VersionKey } from './versions.ts';

/**
 * Who comes next, as self-clocked fair queueing has it (Golestani, "A self-clocked fair queueing scheme for broadband
 * applications", INFOCOM 1994). Versions of one API key and one priority form a flow. A version's turn is that of the one
 * before it in its flow, or the queue's clock where that is later, plus the stride of its priority for every job of it; the
 * lowest turn goes first, and the clock is the turn of what was begun last. So a key's single document stands one stride
 * behind the clock however much another key has sent, and nothing waits for more than the stride of its priority over the
 * stride of theirs times what others send.
 */
const strides = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89];
const strideOf = (priority: string) => `(array[${strides.join(',')}])[${priority}]`;

/** Last that BullMQ knows. Turns beyond it come in the order of their arrival until the queue has been empty once. */
const lastPlace = 2 ** 21 - 1;

export type TurnQueue = 'ingestion' | 'embedding';

/** Statuses of versions whose job stands in the queue, or should. */
const statuses: Record<TurnQueue, string[]> = { ingestion: ['queued', 'parsing'], embedding: ['embedding'] };

/** Jobs of a version in its stage, from `v`: one that parses it, or one for every batch of chunks. */
const jobsOf = `case when v.status = 'embedding' then greatest(1, ceil(v.chunk_count / ${maxEmbeddingBatch}.0))::int else 1 end`;

export interface Turn extends VersionKey {
  /** One a job, in order: 1 is first, as BullMQ has it. */
  places: number[];
}

/** The places of versions that wait in the queue; those that have no turn take one. Others are left out. */
export async function takeTurns(db: Db, queue: TurnQueue, keys: readonly VersionKey[]): Promise<Turn[]> {
  if (keys.length === 0) return [];
  await restartWhenEmpty(db, queue);
  const { rows } = await db.raw(
    `with asked as materialized (
       select v.document_id, v.version, v.api_key_id, v.priority, v.turn, k.n, ${jobsOf} as jobs, ${strideOf('v.priority')} as stride
         from unnest(?::uuid[], ?::int[]) with ordinality as k(document_id, version, n)
         join document_versions v on v.document_id = k.document_id and v.version = k.version and v.status = any(?)),
     flows as materialized (
       select f.api_key_id, f.priority, greatest(c.clock, coalesce((
                select max(w.turn) from document_versions w
                 where w.status = ? and w.api_key_id = f.api_key_id and w.priority = f.priority), 0)) as start
         from (select distinct api_key_id, priority from asked where turn is null) f join fair_clocks c on c.queue = ?),
     placed as materialized (
       select a.document_id, a.version,
              f.start + a.stride * sum(a.jobs) over (partition by a.api_key_id, a.priority order by a.n) as turn
         from asked a join flows f using (api_key_id, priority) where a.turn is null),
     taken as (update document_versions v set turn = p.turn from placed p
                where v.document_id = p.document_id and v.version = p.version)
     select a.document_id as "documentId", a.version, a.stride, a.jobs, (coalesce(p.turn, a.turn) - c.base)::bigint as last
       from asked a left join placed p using (document_id, version) join fair_clocks c on c.queue = ? order by a.n`,
    [
      keys.map(({ documentId }) => documentId),
      keys.map(({ version }) => version),
      statuses[queue],
      queue === 'ingestion' ? 'queued' : 'embedding',
      queue,
      queue,
    ],
  );
  return rows.map(({ documentId, version, stride, jobs, last }: TurnRow) => ({
    ...{ documentId, version },
    places: Array.from({ length: jobs }, (_, job) =>
      Math.min(lastPlace, Math.max(1, last - stride * (jobs - 1 - job))),
    ),
  }));
}

interface TurnRow extends VersionKey {
  stride: number;
  jobs: number;
  last: number;
}

/** Counts places from the clock again once nothing waits: they would run out otherwise. */
async function restartWhenEmpty(db: Db, queue: TurnQueue): Promise<void> {
  await db.raw(
    `update fair_clocks set base = clock where queue = ? and base < clock
        and not exists (select from document_versions where status = ? and turn is not null)`,
    [queue, queue === 'ingestion' ? 'queued' : 'embedding'],
  );
}

/** Moves the clock of embedding on to the turn of a job that is being done. */
export async function beginEmbeddingTurn(db: Db, key: VersionKey & { batch: number }): Promise<void> {
  await db.raw(
    `update fair_clocks c set clock = t.turn
       from (select v.turn - ${strideOf('v.priority')} * greatest(0, ${jobsOf} - 1 - ?::int) as turn
               from document_versions v where v.document_id = ? and v.version = ? and v.status = 'embedding') t
      where c.queue = 'embedding' and c.clock < t.turn`,
    [key.batch, key.documentId, key.version],
  );
}
