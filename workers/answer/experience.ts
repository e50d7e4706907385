import type { AnswerResult } from '../../src/answer-result.ts';
import type { ClaimedAnswer } from '../../src/db/answers.ts';
import type { NewExperience } from '../../src/db/experiences.ts';
import type { Passage } from '../../src/retrieval/passage.ts';

/** What an answer is worth before anybody rated it: mostly that its sentences are supported. Sums to 1. */
const weights = { citation_support: 0.6, answered: 0.2, latency: 0.2 };

/** Service level objective of an answer, milliseconds: up to it latency costs nothing, at four times it is worth nothing. */
const objectiveMs = 4000;

export interface Run {
  result: AnswerResult;
  /** What the policy could know before it chose. */
  state: NewExperience['state'];
  /** The retrieval strategy that was used. */
  action: string;
  /** What the answer was made of, in the order found. */
  passages: readonly Passage[];
  /** Share of the answer's sentences with a verified citation, 0…1. */
  citationCoverage: number;
}

/** The experience row of a finished answer. Rewards come from what can be checked, never from the answer's own confidence. */
export function describeExperience(
  answer: ClaimedAnswer,
  { result, state, action, citationCoverage }: Run,
): NewExperience {
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
  return {
    answerId: answer.id,
    source: 'answer',
    state,
    action,
    propensity: result.retrieval.propensity,
    reward,
    rewardParts: parts,
  };
}
