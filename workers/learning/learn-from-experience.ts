import { learn } from '../../src/db/experiences.ts';
import type { Handler } from '../context.ts';

/** Experience rows → statistics of every strategy. */
export const learnFromExperience: Handler<'learnFromExperience'> = {
  async run(_payload, { db, log }) {
    const { learned, removed } = await learn(db);
    if (learned + removed > 0) log.info({ learned, removed }, 'statistics computed');
  },
};
