import type { Knex } from 'knex';
import { AppError, type ErrorSummary } from '../errors.ts';
import type { Db } from './connect.ts';
import { type Page, positionColumn, readCursor, toPage } from './page.ts';

/**
 * building → comparing → ready → live → standby → reclaiming → reclaimed. Search reads the vectors of the one that is live.
 * failed: what can't pass ended the building; asked for again, it goes on where it stopped.
 */
export const generationStatuses = [
  'building',
  'comparing',
  'ready',
  'live',
  'standby',
  'failed',
  'reclaiming',
  'reclaimed',
] as const;
export type GenerationStatus = (typeof generationStatuses)[number];

/** Generations whose vectors are kept complete: new chunks get one of each. */
export const keptStatuses = "('building', 'comparing', 'ready', 'live', 'standby')";

/** What names an embedding model: enough to open it again. */
export interface GenerationModel {
  provider: string;
  /** As it stands beside every vector: name@dimensions. */
  model: string;
  dimensions: number;
}

export interface Estimate {
  /** Chunks to embed. */
  chunks: number;
  characters: number;
  tokens: number;
  /** null where the price of the model is not configured. */
  cost_usd: number | null;
}

/** How far two generations agree, measured on the corpus itself. */
export interface Comparison {
  with_model: string;
  /** What was searched for: recent questions of callers, and beginnings of chunks. */
  questions: number;
  chunks: number;
  /** Mean share of the first ten that both have, with its 95 % bootstrap interval; null without a probe. */
  overlap_at_10: number | null;
  overlap_interval: [number, number] | null;
  /** Share of chunks that are among the first ten for their own beginning, by the new and the live model. */
  recall_at_10: number | null;
  live_recall_at_10: number | null;
}

export interface GenerationRow extends GenerationModel {
  id: string;
  status: GenerationStatus;
  replaces: string | null;
  estimate: Estimate | null;
  comparison: Comparison | null;
  error: ErrorSummary | null;
  vectors_reclaimed: number;
  created_at: Date;
  built_at: Date | null;
  switched_at: Date | null;
  updated_at: Date;
}

export interface CountedGeneration extends GenerationRow {
  /** Live chunks, and how many of them have a vector of the model. */
  chunks: number;
  embedded: number;
}

const columns = `id, provider, model, dimensions, status, replaces, estimate, comparison, error, vectors_reclaimed,
  created_at, built_at, switched_at, updated_at`;

/** Newest first, each with its counts. */
export async function listGenerations(
  db: Db,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Promise<Page<CountedGeneration>> {
  const after = readCursor(cursor);
  const rows = await counted(
    db,
    '?::timestamptz is null or (g.created_at, g.id) < (?::timestamptz, ?::uuid)',
    [after?.at ?? null, after?.at ?? null, after?.id ?? null],
    limit + 1,
  );
  return toPage<CountedGeneration>(rows, limit);
}

export async function findGeneration(db: Db, id: string): Promise<CountedGeneration | undefined> {
  const [row] = await counted(db, 'g.id = ?', [id], 1);
  if (!row) return undefined;
  const { position: _, ...generation } = row;
  return generation;
}

async function counted(
  db: Db,
  where: string,
  bindings: (string | null)[],
  limit: number,
): Promise<(CountedGeneration & { position: string })[]> {
  const { rows } = await db.raw(
    `select ${columns}, ${positionColumn('created_at')}, (select count(*)::int from chunks c where c.live) as chunks,
            (select count(*)::int from chunk_vectors x join chunks c on c.seq = x.chunk_seq
              where x.model = g.model and c.live and g.status <> 'reclaimed') as embedded
       from embedding_generations g where ${where} order by created_at desc, id desc limit ?`,
    [...bindings, limit],
  );
  return rows;
}

/** The generation that search reads; undefined before the first start of a service on this database. */
export async function readLiveGeneration(db: Db): Promise<GenerationRow | undefined> {
  return db('embedding_generations').where('status', 'live').first(db.raw(columns));
}

/** Those whose vectors are kept complete, the live one first. */
export async function readKeptGenerations(db: Db): Promise<GenerationRow[]> {
  const { rows } = await db.raw(
    `select ${columns} from embedding_generations where status in ${keptStatuses} order by status <> 'live', created_at`,
  );
  return rows;
}

/** Makes the model the live generation of a database that has none. False when it has one: other processes start as well. */
export async function beginFirstGeneration(db: Db, model: GenerationModel): Promise<boolean> {
  const row = { ...model, status: 'live', built_at: db.fn.now(), switched_at: db.fn.now() };
  const inserted = await db('embedding_generations').insert(row).onConflict().ignore().returning('id');
  return inserted.length > 0;
}

/** Whether the database ever had a generation of the model, reclaimed ones included. */
export async function hadGeneration(db: Db, model: string): Promise<boolean> {
  return (await db('embedding_generations').where({ model }).first('id')) !== undefined;
}

/**
 * Opens a generation to be built and returns its id; one of the same model that failed goes on where it stopped. Asked for
 * twice with one id it is the same one. Throws `conflict` while another one is being built or vectors of the model are being taken away.
 */
export async function beginGeneration(
  db: Knex,
  id: string,
  model: GenerationModel,
  estimate: Estimate,
): Promise<string> {
  return db.transaction(async (trx) => {
    const given = JSON.stringify(estimate);
    const insert = await trx('embedding_generations')
      .insert({ id, ...model, status: 'building', estimate: given })
      .onConflict()
      .ignore()
      .returning('id');
    if (insert.length > 0) return id;
    const others: GenerationRow[] = await trx('embedding_generations')
      .where('id', id)
      .orWhereIn('status', ['building', 'comparing'])
      .orWhere((same) => same.where('model', model.model).whereNot('status', 'reclaimed'))
      .orderBy('id')
      .forUpdate();
    if (others.some((row) => row.id === id)) return id;
    const busy = others.find(({ status }) => status === 'building' || status === 'comparing');
    const [other] = others;
    if (busy || other?.status !== 'failed') throw refusal(busy ?? other);
    await trx('embedding_generations')
      .where('id', other.id)
      .update({ status: 'building', error: null, estimate: given, updated_at: trx.fn.now() });
    return other.id;
  });
}

function refusal(other: GenerationRow | undefined): AppError {
  if (!other) return new AppError('conflict', 'The generations have just changed: try again.');
  const { id, model, status } = other;
  return new AppError('conflict', `Generation ${id} (${model}) is ${status}: use it, or delete it first.`);
}

/** The one of the model that is not reclaimed. */
export async function findGenerationOf(db: Db, model: string): Promise<GenerationRow | undefined> {
  return db('embedding_generations').where({ model }).whereNot('status', 'reclaimed').first(db.raw(columns));
}
