import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import type { Config } from './config.ts';
import {
  beginFirstGeneration,
  findGenerationOf,
  type GenerationRow,
  hadGeneration,
  readLiveGeneration,
} from './db/generations.ts';
import { AppError } from './errors.ts';
import { startGeneration } from './generations.ts';
import type { Enqueue } from './jobs/queues.ts';
import type { Log } from './log.ts';
import type { Embedder } from './models/embedder.ts';
import type { EmbedderPool } from './models/embedder-pool.ts';
import { type Prices, readPrices } from './models/prices.ts';

interface Deps {
  config: Config;
  db: Knex;
  embedders: EmbedderPool;
  enqueue: Enqueue;
  log: Log;
}

/**
 * At the start of every process: what the configuration names and what search reads may differ, and the row decides. On an
 * empty database the configured model becomes the live generation. A model that the database never had is built beside the
 * live one while search goes on with that; for every other difference the log says what to do.
 * Throws `embedding_unavailable` when the configured model can't be opened.
 */
export async function agreeOnGeneration({ config, db, embedders, enqueue, log }: Deps): Promise<void> {
  const configured = await embedders.configured();
  const { model: name, dimensions } = configured;
  const model = { provider: config.EMBEDDING_PROVIDER, model: name, dimensions };
  if (await beginFirstGeneration(db, model)) return;
  const live = await readLiveGeneration(db);
  if (!live || live.model === configured.model) return;
  await warmUp(live, embedders, log);
  if (await hadGeneration(db, configured.model)) return adviseOn(live, configured, db, log);
  const prices = readPrices(config.EMBEDDING_PRICES) as Prices;
  try {
    const { estimate } = await startGeneration(
      { db, enqueue, prices, chunkContext: config.CHUNK_CONTEXT },
      randomUUID(),
      model,
    );
    log.warn(
      { live: live.model, configured: configured.model, estimate },
      'another embedding model is configured: its generation is being built beside the live one, which search goes on reading; switch to it by POST /api/v1/admin/embeddings/generations/{id}/switch when it is ready',
    );
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'conflict') throw error;
    log.warn({ live: live.model, configured: configured.model }, error.message);
  }
}

/** Search goes on by words where the live model can't be opened: that must not go unnoticed. */
async function warmUp(live: GenerationRow, embedders: EmbedderPool, log: Log): Promise<void> {
  try {
    await embedders.of(live);
  } catch (error) {
    log.error(
      { live: live.model, err: error },
      'search reads vectors of a model that can not be opened here, so it goes by words alone: give back what its provider needs, or build and switch to another generation',
    );
  }
}

async function adviseOn(live: GenerationRow, configured: Embedder, db: Knex, log: Log): Promise<void> {
  const known = await findGenerationOf(db, configured.model);
  const what = known
    ? `the generation of the configured model is ${known.status}`
    : 'the generation of the configured model was deleted';
  const todo =
    known?.status === 'ready' || known?.status === 'standby'
      ? `switch to it by POST /api/v1/admin/embeddings/generations/${known.id}/switch`
      : known?.status === 'building' || known?.status === 'comparing'
        ? 'wait until it is ready'
        : 'build it by POST /api/v1/admin/embeddings/generations';
  log.warn(
    { live: live.model, configured: configured.model },
    `${what}, and search reads another one: ${todo}, or configure the model that is live`,
  );
}
