import { learnBatch as learn } from '../../src/db/learning.ts';
import { learnerOf } from '../../src/learning/learn.ts';
import type { Handler } from '../context.ts';
import { mayLearn } from './may-learn.ts';

/** A batch of experiences → the next version of the policy, in one transaction. What was learned is not learned again. */
export const learnBatch: Handler<'learnBatch'> = {
  async run({ batch }, context) {
    const { db, config, log, metrics } = context;
    if (!(await mayLearn(context))) return;
    const policy = config.LEARNING_POLICY;
    const learned = await learn(db, batch, policy, learnerOf(policy));
    if (!learned) return;
    metrics.batchesLearned.inc({ policy });
    log.info({ batch, policy, ...learned }, 'a policy version was published');
  },
};
