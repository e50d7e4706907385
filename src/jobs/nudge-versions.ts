import type { Knex } from 'knex';
import { takeTurns } from '../db/turns.ts';
import type { VersionKey } from '../db/versions.ts';
import type { Enqueue } from './queues.ts';

interface Deps {
  db: Knex;
  enqueue: Enqueue;
}

/** A job for each version that waits to be read, in its fair turn. False when the store did not take them. */
export async function nudgeIngestion({ db, enqueue }: Deps, keys: readonly VersionKey[]): Promise<boolean> {
  const turns = await takeTurns(db, 'ingestion', keys);
  return enqueue(
    'ingestDocument',
    turns.map(({ documentId, version }) => ({ documentId, version })),
    { priority: turns.map(({ places }) => places[0] as number) },
  );
}

/** Jobs for the batches of chunks of each version that waits for vectors, in their fair turns; `first`: the first alone. */
export async function nudgeEmbedding(
  { db, enqueue }: Deps,
  keys: readonly VersionKey[],
  { first = false } = {},
): Promise<boolean> {
  const turns = await takeTurns(db, 'embedding', keys);
  const jobs = turns.flatMap(({ documentId, version, places }) =>
    (first ? places.slice(0, 1) : places).map((place, batch) => ({
      payload: { documentId, version, batch },
      place,
    })),
  );
  return enqueue(
    'embedChunks',
    jobs.map(({ payload }) => payload),
    { priority: jobs.map(({ place }) => place) },
  );
}
