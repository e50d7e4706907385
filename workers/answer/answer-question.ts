import {
  type ClaimedAnswer,
  claimAnswer,
  completeAnswer,
  endAnswer,
  releaseAnswer,
} from '../../src/db/answers.ts';
import { extendLease } from '../../src/db/lease.ts';
import { AppError } from '../../src/errors.ts';
import type { Handler } from '../context.ts';
import { underLease } from '../lease.ts';
import { countFinished, runAnswer } from './run-answer.ts';

/** A question through the seven steps, from the cache, or a replay; result, experience and record are written once, together. */
export const answerQuestion: Handler<'answerQuestion'> = {
  async run({ answerId }, context) {
    const answer = await claimAnswer(context.db, answerId);
    if (!answer) return;
    const extend = () => extendLease(context.db, 'answers', answer.token);
    const deadline = AbortSignal.timeout(answer.msLeft);
    try {
      const { result, experience, record } = await underLease(context, extend, (signal) =>
        runAnswer(answer, { ...context, signal: AbortSignal.any([signal, deadline]) }, ({ type, data }) =>
          context.log.debug({ answerId, type, data }, 'progress'),
        ),
      );
      await completeAnswer(context.db, answer.id, answer.token, result, experience, record);
      countFinished(context, answer, result);
      if (experience) await context.enqueue('learnFromExperience', [{}], { delayMs: 1000 });
    } catch (error) {
      if (deadline.aborted) return expire(answer, context.db);
      await releaseAnswer(context.db, answer.id, answer.token);
      throw error;
    }
  },
  async giveUp({ answerId }, error, { db, metrics }) {
    const ended = await endAnswer(db, answerId, 'failed', error);
    if (ended) metrics.answers.inc({ outcome: 'failed', strategy: 'none', model: 'none' });
  },
};

async function expire(answer: ClaimedAnswer, db: Parameters<typeof endAnswer>[0]): Promise<void> {
  const { code, message, retryable } = new AppError(
    'deadline_exceeded',
    'The answer was not finished before its deadline.',
  );
  await endAnswer(db, answer.id, 'expired', { code, detail: message, retryable });
}
