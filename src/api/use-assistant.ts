import type { Assistant } from '../assistants.ts';
import { findAssistant } from '../db/assistants.ts';
import { AppError } from '../errors.ts';
import { bothPaths } from '../retrieval/filters.ts';
import type { ApiContext } from './app.ts';
import type { Caller } from './route.ts';

interface Asking {
  assistant?: string | undefined;
  canonical_in?: string[][] | undefined;
  strategy?: string | undefined;
}

/**
 * The assistant that a question is for: the one it names, or the one that its key is bound to. Throws `not_found` for a name
 * that there is none of, and `forbidden` where the key is bound to another.
 */
export async function assistantOf(
  { db }: ApiContext,
  { assistantId }: Caller,
  named: string | undefined,
): Promise<Assistant | undefined> {
  const wanted = named ?? assistantId;
  if (wanted === undefined) return undefined;
  const found = await findAssistant(db, wanted);
  if (assistantId !== undefined && found?.id !== assistantId) {
    const message = 'this key is bound to another assistant: leave it out';
    throw new AppError('forbidden', `/assistant: ${message}.`, {
      errors: [{ pointer: '/assistant', message }],
    });
  }
  if (found) return found;
  const message = 'there is no assistant of this name or id';
  throw new AppError('not_found', `/assistant: ${message}.`, {
    errors: [{ pointer: '/assistant', message }],
  });
}

/** What an assistant makes of a request: only within its scope, and as it searches where the request does not say. */
export function underAssistant<T extends Asking>(body: T, assistant: Assistant | undefined): T {
  if (!assistant) return body;
  const { canonical_in: scope, strategy } = assistant;
  const narrowed = body.canonical_in ? bothPaths(body.canonical_in, scope) : scope;
  return {
    ...body,
    ...(scope.length > 0 && { canonical_in: narrowed }),
    ...(body.strategy === 'auto' && { strategy }),
  };
}
