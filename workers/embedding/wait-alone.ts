import { noteWait } from '../../src/db/generation-work.ts';
import { type GenerationRow, readLiveGeneration } from '../../src/db/generations.ts';
import { AppError, summarise } from '../../src/errors.ts';
import type { Context } from '../context.ts';

const longestSeconds = 300;

/**
 * A provider that says when to come back (429), and whose vectors documents do not need to be found, makes only the generation
 * wait: its row says until when. Returns milliseconds; undefined for every other error, and where the live generation is of
 * the same provider, and so of the same key: that holds the queue for all.
 */
export async function waitAlone(
  error: unknown,
  generation: Pick<GenerationRow, 'id' | 'model' | 'provider'>,
  { db, log }: Context,
): Promise<number | undefined> {
  if (!(error instanceof AppError) || error.code !== 'embedding_unavailable') return undefined;
  if (error.retryAfter === undefined) return undefined;
  const live = await readLiveGeneration(db);
  if (!live || live.provider === generation.provider) return undefined;
  const seconds = Math.min(error.retryAfter, longestSeconds);
  await noteWait(db, generation.id, seconds, summarise(error));
  log.warn({ model: generation.model, seconds }, 'the provider is over its limit: the generation waits');
  return seconds * 1000;
}
