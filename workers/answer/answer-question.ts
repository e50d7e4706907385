import {
  type ClaimedAnswer,
  claimAnswer,
  completeAnswer,
  endAnswer,
  releaseAnswer,
} from '../../src/db/answers.ts';
import { readQuestionsBefore } from '../../src/db/conversations.ts';
import { extendLease } from '../../src/db/lease.ts';
import { AppError } from '../../src/errors.ts';
import type { Handler } from '../context.ts';
import { underLease } from '../lease.ts';
import { contextualQuestion } from './contextual-question.ts';
import { finishWith } from './experience.ts';
import { countFinished, runAnswer } from './run-answer.ts';
import { startTelling } from './telling.ts';

/** A question through the seven steps, from the cache, or a replay; result and record are written once, together. */
export const answerQuestion: Handler<'answerQuestion'> = {
  async run({ answerId }, context) {
    const answer = await claimAnswer(context.db, answerId);
    if (!answer) return;
    const { db, notifications } = context;
    const extend = () => extendLease(db, 'answers', answer.token);
    // Who cancels or deletes it tells so: the model stops then, not when the lease is extended next.
    const untilEnded = (look: () => void) => notifications.watch(answerId, (ended) => ended && look());
    const deadline = AbortSignal.timeout(answer.msLeft);
    const telling = startTelling(answer, context);
    try {
      const contextual = contextualQuestion(answer.question, await readQuestionsBefore(db, answer));
      const asked = { ...answer, question: contextual ?? answer.question };
      const {
        result,
        experience,
        record,
        fresh = null,
      } = await underLease(
        context,
        extend,
        (signal) =>
          runAnswer(asked, { ...context, signal: AbortSignal.any([signal, deadline]) }, telling.report),
        untilEnded,
      );
      // A replay of what was recorded says what was recorded.
      if (contextual && record) result.contextual_question = contextual;
      const told = await telling.end();
      const used = answer.request.replay ? [] : (result.retrieval.cases ?? []);
      const cases = { used: used.map(({ case_id }) => case_id), fresh };
      await finishWith(experience, context, (kept) =>
        completeAnswer(db, answerId, answer.token, result, { record, cases, told, experience: kept }),
      );
      countFinished(context, answer, result);
      if (fresh) await context.enqueue('tendCases', [{}], { delayMs: 1000 });
    } catch (error) {
      await telling.end();
      if (deadline.aborted) return expire(answer, db);
      await releaseAnswer(db, answerId, answer.token);
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
