import type { AnswerResult } from '../../src/answer-result.ts';
import type { ClaimedAnswer, Finishing } from '../../src/db/answers.ts';
import { isRefused, type NewExperience } from '../../src/db/experiences.ts';
import type { Passage } from '../../src/retrieval/passage.ts';
import type { Context } from '../context.ts';
import type { Decided } from './chooser.ts';
import type { AnswerRequest } from './run-steps.ts';

/** What an answer is worth before anybody rated it: mostly that its sentences are supported. Sums to 1. */
const weights = { citation_support: 0.6, answered: 0.2, latency: 0.2 };

/** Service level objective of an answer, milliseconds: up to it latency costs nothing, at four times it is worth nothing. */
const objectiveMs = 4000;

export interface Run {
  result: AnswerResult;
  /** null: nobody decided, so there is nothing to learn. */
  decided: Decided | null;
  /** What the answer was made of, in the order found. */
  passages: readonly Passage[];
  /** Share of the answer's sentences with a verified citation, 0…1. */
  citationCoverage: number;
}

/**
 * The experience of a finished answer, where its flag is on. Rewards come from what can be checked, never from the answer's own
 * confidence.
 */
export function describeExperience(
  answer: ClaimedAnswer,
  { result, decided, citationCoverage }: Run,
): NewExperience | null {
  const { flags = {} } = answer.request as Pick<AnswerRequest, 'flags'>;
  if (flags.experience_replay?.on !== true || !decided) return null;
  const over = (result.total_time * 1000 - objectiveMs) / (3 * objectiveMs);
  const parts = {
    citation_support: result.abstained ? 0 : citationCoverage,
    answered: result.abstained ? 0 : 1,
    latency: Math.max(0, Math.min(1, 1 - over)),
  };
  const reward =
    weights.citation_support * parts.citation_support +
    weights.answered * parts.answered +
    weights.latency * parts.latency;
  const { state, action, propensity, policy } = decided;
  return {
    ...{ answerId: answer.id, source: 'answer', state, action, propensity },
    policyVersion: policy?.version ?? null,
    reward: Math.min(1, reward),
    rewardParts: parts,
  };
}

/**
 * Ends an answer with its experience in one statement: it costs no statement and no commit of its own, and neither is ever there
 * without the other. Where the database refuses it, the answer ends without it, which is counted.
 */
export async function finishWith(
  experience: NewExperience | null,
  { config, log, metrics }: Context,
  finish: (experience: Exclude<Finishing['experience'], undefined>) => Promise<void>,
): Promise<void> {
  if (!experience) return finish(null);
  try {
    await finish({ added: experience, capacity: config.EXPERIENCE_BUFFER_SIZE });
    metrics.experiences.inc({ outcome: 'added' });
  } catch (error) {
    if (!isRefused(error)) throw error;
    await finish(null);
    metrics.experiences.inc({ outcome: 'failed' });
    log.warn({ err: error }, 'an experience could not be kept');
  }
}
