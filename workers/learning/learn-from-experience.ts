import { learnAnew, planBatches } from '../../src/db/learning.ts';
import { learnerOf } from '../../src/learning/learn.ts';
import type { Handler } from '../context.ts';
import { mayLearn } from './may-learn.ts';

/** Experiences that were not learned yet → batches, each with a job; lost ones among them. */
export const learnFromExperience: Handler<'learnFromExperience'> = {
  async run(_payload, context) {
    const { db, config, log, enqueue } = context;
    if (!(await mayLearn(context))) return;
    const policy = config.LEARNING_POLICY;
    const anew = await learnAnew(db, policy, learnerOf(policy), config.EXPERIENCE_BUFFER_SIZE);
    if (anew) log.info({ policy, ...anew }, 'a policy was learned anew from the buffer');
    const batches = await planBatches(db, config.EXPERIENCE_BUFFER_SIZE);
    if (batches.length === 0) return;
    await enqueue(
      'learnBatch',
      batches.map((batch) => ({ batch })),
    );
    log.info({ batches: batches.length }, 'batches to be learned');
  },
};
