import type { AnswerRow } from '../db/answers.ts';
import { addExperience, findDecided } from '../db/experiences.ts';
import type { FlagSnapshot } from '../flag-service.ts';
import type { ApiContext } from './app.ts';

/**
 * A rating is what the answer's decision was worth to its caller, 0…1: learned from where the answer itself was. Beside the
 * feedback, which is stored already: what can't be kept is counted.
 */
export async function learnFromRating(
  { db, config, log, metrics }: ApiContext,
  { id, request }: AnswerRow,
  keyId: string,
  rating: number,
): Promise<void> {
  const { flags = {} } = request as { flags?: Partial<FlagSnapshot> };
  if (flags.experience_replay?.on !== true) return;
  try {
    const decided = await findDecided(db, id);
    if (!decided) return;
    const experience = {
      ...{ answerId: id, source: `feedback:${keyId}`, ...decided },
      ...{ reward: rating, rewardParts: { feedback: rating } },
    };
    const added = await addExperience(db, experience, config.EXPERIENCE_BUFFER_SIZE);
    metrics.experiences.inc({ outcome: added ? 'added' : 'capped' });
  } catch (error) {
    metrics.experiences.inc({ outcome: 'failed' });
    log.warn({ err: error }, 'a rating could not be learned from');
  }
}
