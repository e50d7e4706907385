import { AppError } from '../errors.ts';

/** Whom a share of callers is decided for. */
export interface RolloutIdentity {
  id: string;
  /** What the id came from: X-Rollout-Id, the conversation that is gone on with, or the key. */
  by: 'header' | 'conversation' | 'key';
}

const longest = 200;

/**
 * X-Rollout-Id where one is given, else what the conversation has had since its first question, else the key: so nobody is moved
 * in the middle of a conversation, and an application with one key can have its users told apart.
 */
export function rolloutIdentity(
  raw: { get(name: string): string | undefined },
  caller: { id: string },
  conversation?: { id: string } | undefined,
): RolloutIdentity {
  const given = raw.get('x-rollout-id')?.trim();
  if (given !== undefined && given.length > longest)
    throw new AppError('validation_failed', `X-Rollout-Id must have at most ${longest} characters.`, {
      errors: [{ pointer: '/headers/x-rollout-id', message: `at most ${longest} characters` }],
    });
  if (given) return { id: given, by: 'header' };
  if (conversation) return { id: conversation.id, by: 'conversation' };
  return { id: caller.id, by: 'key' };
}
