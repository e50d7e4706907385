import { createHash } from 'node:crypto';
import type { Knex } from 'knex';
import type { Db } from './connect.ts';

/** What every name of such an index begins with. */
const prefix = 'chunk_vectors_hnsw_';

/** Memory for building one, on the server; a graph beyond it is built far more slowly. The most that a 32-bit server (PGlite) takes. */
const buildMemory = '2047MB';

/**
 * With pgvector's defaults (16, 64) the worst of ten graphs of a small corpus found nothing of what one question in a hundred is
 * nearest to, with these none did (docs/performance.md). An index that was made with others stays as it is.
 */
const graph = 'm = 24, ef_construction = 96';

/** pgvector's longest halfvec that HNSW takes. */
const mostDimensions = 4000;

/** The name of the index over one model's vectors; model names are longer than identifiers may be. */
export function vectorIndexName(model: string, dimensions: number): string {
  return prefix + createHash('md5').update(`${model}\n${dimensions}`).digest('hex').slice(0, 16);
}

/** SQL of the same: the index over the vectors of these columns as a regclass, null where there is none. */
export function vectorIndexOf(model: string, dimensions: string): string {
  return `to_regclass('${prefix}' || left(md5(${model} || chr(10) || ${dimensions}), 16))`;
}

/** Whether search may rely on the index: it is there and complete. */
export async function hasVectorIndex(db: Db, model: string, dimensions: number): Promise<boolean> {
  return (await readState(db, vectorIndexName(model, dimensions))) === 'ready';
}

type State = 'missing' | 'building' | 'broken' | 'ready';

async function readState(db: Db, name: string): Promise<State> {
  const { rows } = await db.raw(
    `select case when i.indisvalid then 'ready'
                 when exists (select from pg_stat_progress_create_index p where p.index_relid = i.indexrelid) then 'building'
                 else 'broken' end as state
       from pg_index i where i.indexrelid = to_regclass(?)`,
    [name],
  );
  return rows[0]?.state ?? 'missing';
}

/**
 * Makes the HNSW index over one model's vectors unless it is there; resolves with whether this call has built it. Searches and
 * writes go on meanwhile. One that a killed build left behind is made anew; one that somebody else is building is left alone.
 * Without parallel workers: CVE-2026-3172 overflows a buffer of parallel builds in pgvector 0.6.0–0.8.1.
 */
export async function ensureVectorIndex(db: Knex, model: string, dimensions: number): Promise<boolean> {
  if (dimensions > mostDimensions) return false;
  const name = vectorIndexName(model, dimensions);
  const state = await readState(db, name);
  if (state === 'ready' || state === 'building') return false;
  if (state === 'broken') await dropIndex(db, name);
  const connection = await db.client.acquireConnection();
  const run = (sql: string) => db.raw(sql).connection(connection);
  try {
    await run('set max_parallel_maintenance_workers = 0');
    await run(`set maintenance_work_mem = '${buildMemory}'`);
    const literal = (await run(`select quote_literal(${quoted(model)}) as literal`)).rows[0].literal;
    await run(
      `create index concurrently ${name} on chunk_vectors
         using hnsw ((embedding::halfvec(${dimensions})) halfvec_cosine_ops) with (${graph}) where model = ${literal}`,
    );
    return true;
  } finally {
    await run('reset max_parallel_maintenance_workers');
    await run('reset maintenance_work_mem');
    await db.client.releaseConnection(connection);
  }
}

/** Makes the index of a model that has more than `from` vectors; resolves with whether this call has built it. */
export async function indexVectors(db: Knex, model: string, from: number): Promise<boolean> {
  const found = (await readVectorModels(db, from)).find((one) => one.model === model);
  return found?.beyond === true && ensureVectorIndex(db, model, found.dimensions);
}

/** DDL takes no parameters. Dollar quoting with a tag that the model's name can't hold. */
function quoted(text: string): string {
  const tag = `$t${createHash('md5').update(text).digest('hex')}$`;
  return `${tag}${text}${tag}`;
}

/** Removes indexes of models that have no vector any more; returns their names. */
export async function dropUnusedVectorIndexes(db: Knex): Promise<string[]> {
  const models = await readVectorModels(db, 0);
  const used = new Set(models.map(({ model, dimensions }) => vectorIndexName(model, dimensions)));
  const { rows } = await db.raw(
    `select c.relname as name from pg_index i join pg_class c on c.oid = i.indexrelid
      where i.indrelid = 'chunk_vectors'::regclass and starts_with(c.relname, ?)`,
    [prefix],
  );
  const unused = rows.map(({ name }: { name: string }) => name).filter((name: string) => !used.has(name));
  for (const name of unused) await dropIndex(db, name);
  return unused;
}

async function dropIndex(db: Knex, name: string): Promise<void> {
  await db.raw(`drop index concurrently if exists ${name}`);
}

export interface VectorModel {
  model: string;
  dimensions: number;
  /** Whether it has more than the number of vectors asked about. */
  beyond: boolean;
}

/** The models that have vectors, by steps through the primary key rather than by reading all of it. */
export async function readVectorModels(db: Db, count: number): Promise<VectorModel[]> {
  const { rows } = await db.raw(
    `with recursive models as (
       (select model from chunk_vectors order by model limit 1)
       union all
       select (select v.model from chunk_vectors v where v.model > m.model order by v.model limit 1) from models m where m.model is not null)
     select m.model, (select vector_dims(v.embedding) from chunk_vectors v where v.model = m.model limit 1) as dimensions,
            exists (select from chunk_vectors v where v.model = m.model offset ?) as beyond
       from models m where m.model is not null`,
    [count],
  );
  return rows;
}
