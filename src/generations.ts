import type { Knex } from 'knex';
import { readCorpusSample } from './db/corpus-sample.ts';
import { beginGeneration, type Estimate, type GenerationModel } from './db/generations.ts';
import { buildingSlots } from './jobs/batches.ts';
import type { Enqueue } from './jobs/queues.ts';
import { costOf, type Prices } from './models/prices.ts';
import { countTokens } from './text/count-tokens.ts';
import { type ChunkContext, passageText } from './text/passage-text.ts';

interface Estimating {
  prices: Prices;
  /** What is embedded before a chunk. */
  chunkContext: ChunkContext;
}

/**
 * What building a generation of the model would take: the live chunks that have no vector of it yet. Characters are counted,
 * tokens estimated from a sample of at most 500 chunks (see countTokens); cost by the configured prices.
 */
export async function estimateGeneration(
  db: Knex,
  model: GenerationModel,
  { prices, chunkContext }: Estimating,
): Promise<Estimate> {
  const { chunks, characters, sample } = await readCorpusSample(db, model.model, chunkContext);
  const texts = sample.map((chunk) => passageText(chunk, chunkContext));
  const read = texts.reduce((sum, text) => sum + text.length, 0);
  const counted = texts.reduce((sum, text) => sum + countTokens(text), 0);
  const tokens = read === 0 ? 0 : Math.round((characters * counted) / read);
  return { chunks, characters, tokens, cost_usd: costOf(model, tokens, prices) };
}

interface Deps extends Estimating {
  db: Knex;
  enqueue: Enqueue;
}

/** Opens the generation and nudges its building. Throws `conflict` as beginGeneration does. */
export async function startGeneration(
  { db, enqueue, ...estimating }: Deps,
  id: string,
  model: GenerationModel,
): Promise<{ id: string; estimate: Estimate }> {
  const estimate = await estimateGeneration(db, model, estimating);
  const begun = await beginGeneration(db, id, model, estimate);
  await nudgeBuilding(enqueue, [begun]);
  return { id: begun, estimate };
}

/** Documents go first: a generation has time. Beyond every turn of theirs (src/db/turns.ts). */
export const buildingPriority = 2 ** 21 - 1;

/** Every slot of each. One that still goes on is not added twice. */
export async function nudgeBuilding(enqueue: Enqueue, ids: readonly string[]): Promise<void> {
  const turns = ids.flatMap((generationId) =>
    Array.from({ length: buildingSlots }, (_, slot) => ({ generationId, slot, turn: 0 })),
  );
  await enqueue('buildGeneration', turns, { priority: buildingPriority });
}
