import { randomInt } from 'node:crypto';
import type { AnswerResult } from '../../src/answer-result.ts';
import { type Action, type Decision, fixedAction, type State, stateKey } from '../../src/learning/policy.ts';
import type { Context } from '../context.ts';
import type { AnswerRequest } from './run-steps.ts';

/** What decides the retrieval of one answer. */
export interface Chooser {
  name: string;
  /** null: no version was learned yet, so hybrid is used. */
  version: number | null;
  choose(state: State): Decision;
}

/** What a run may be given; without one, retrieval is what it is without a policy. */
export interface Choosing {
  chooser?: Chooser | null;
}

/** How an answer's retrieval came to be. */
export interface Decided extends Decision {
  /** Key of the state. */
  state: string;
  /** null: nobody was asked. */
  policy: { name: string; version: number | null } | null;
}

/** Nothing was learned yet, or nothing may be: then hybrid is the only choice. */
const fixedDecision: Decision = { action: fixedAction, propensity: 1, explored: false };

/**
 * The chooser of an answer: the version in force, where the flag is on for it and its caller chose no strategy; null
 * elsewhere. Chance is not the seed's: a replay does not draw again, it repeats what was drawn.
 */
export async function openChooser(
  { flags = {}, strategy }: AnswerRequest,
  { policies }: Pick<Context, 'policies'>,
): Promise<Chooser | null> {
  if (flags.soft_q_bandit?.on !== true || strategy !== 'auto') return null;
  const live = await policies.current();
  if (!live) return { name: 'fixed', version: null, choose: () => fixedDecision };
  const { version, policy } = live;
  return { name: policy.name, version, choose: (state) => policy.decide(state, draw) };
}

/** For a replay: what was decided then, where it still is to be decided; otherwise as for any answer. */
export async function openChooserAgain(
  { retrieval }: Pick<AnswerResult, 'retrieval'>,
  request: AnswerRequest,
  context: Pick<Context, 'policies'>,
): Promise<Chooser | null> {
  const chooser = await openChooser(request, context);
  const { policy, policy_version: version, propensity, explored } = retrieval;
  if (!chooser || !policy) return chooser;
  const decision = { action: policy.action as Action, propensity, explored };
  return { name: policy.name, version, choose: () => decision };
}

export function decidedBy({ name, version, choose }: Chooser, state: State): Decided {
  return { ...choose(state), state: stateKey(state), policy: { name, version } };
}

/** What was done is what is always done where nobody decides. */
export function decidedByNobody(state: State): Decided {
  return { ...fixedDecision, state: stateKey(state), policy: null };
}

const resolution = 2 ** 47;

/** In [0, 1). */
function draw(): number {
  return randomInt(resolution) / resolution;
}
