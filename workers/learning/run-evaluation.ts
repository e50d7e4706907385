import { nextQueries, readScores } from '../../src/db/evaluation-scores.ts';
import {
  claimEvaluation,
  completeEvaluation,
  type EvaluationRow,
  endEvaluation,
  releaseEvaluation,
} from '../../src/db/evaluations.ts';
import { extendLease } from '../../src/db/lease.ts';
import { summariseScores } from '../../src/evaluation/summarise.ts';
import type { Context, Handler } from '../context.ts';
import { underLease } from '../lease.ts';
import { measureQuery } from './measure-query.ts';

/** How long one delivery goes on before it lets others have its place. */
const turnMs = 30_000;
const atATime = 20;

/** Every strategy on every judged question; what a delivery before has measured is not measured again. */
export const runEvaluation: Handler<'runEvaluation'> = {
  async run({ evaluationId, turn }, context) {
    const { db, enqueue, log } = context;
    const claimed = await claimEvaluation(db, evaluationId);
    if (!claimed) return;
    const { token } = claimed;
    try {
      const done = await underLease(
        context,
        () => extendLease(db, 'evaluations', token),
        (signal) => takeTurn(claimed, { ...context, signal }),
      );
      if (!done) {
        await releaseEvaluation(db, token);
        await enqueue('runEvaluation', [{ evaluationId, turn: turn + 1 }]);
        return;
      }
      const scores = await readScores(db, evaluationId);
      const result = await summariseScores(scores, claimed.strategies);
      await completeEvaluation(db, token, result);
      log.info({ evaluationId, queries: result.queries }, 'evaluation completed');
    } catch (error) {
      await releaseEvaluation(db, token);
      throw error;
    }
  },
  async giveUp({ evaluationId }, error, { db }) {
    await endEvaluation(db, evaluationId, 'failed', error);
  },
};

/** True once every question is measured, false when the turn is over before. */
async function takeTurn(evaluation: EvaluationRow & { token: string }, context: Context): Promise<boolean> {
  const end = performance.now() + turnMs;
  for (let after = -1; ; ) {
    const page = { after, limit: atATime };
    const queries = await nextQueries(context.db, evaluation.id, evaluation.strategies.length, page);
    if (queries.length === 0) return true;
    for (const query of queries) {
      context.signal.throwIfAborted();
      await measureQuery(query, evaluation, context);
      after = query.n;
      if (performance.now() > end) return false;
    }
  }
}
