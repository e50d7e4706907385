import { createHash } from 'node:crypto';
import { version as release } from '../../src/version.ts';
import type { PrepareOptions } from './prepare-document.ts';

/**
 * Names what chunks are made of and with: the same recipe gives the same text and chunks. A release counts as well: parsers
 * get better. undefined for a version whose content was not hashed by itself.
 */
export function recipeOf(sourceHash: string | null, options: PrepareOptions): string | undefined {
  if (sourceHash === null) return undefined;
  return createHash('sha256')
    .update(JSON.stringify([release, sourceHash, options]))
    .digest('hex');
}
