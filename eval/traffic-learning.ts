import { comparePaired, type PairedComparison } from '../src/evaluation/compare.ts';
import { mean } from '../src/evaluation/measures.ts';
import { seededRandom } from '../src/evaluation/random.ts';
import { createPolicy, type PolicyName, policyNames } from '../src/learning/policies.ts';
import {
  type Action,
  actions,
  type Experience,
  fixedAction,
  type State,
  stateKey,
} from '../src/learning/policy.ts';
import { type IntentName, levelsOf, stateOf } from '../src/learning/state.ts';

/** A question with what each action finds for it. */
export interface Asked {
  collection: string;
  question: string;
  kind: IntentName;
  /** Evidence of either leg. */
  keyword: number;
  vector: number | null;
  /** nDCG@10 of `actions`, in their order. */
  gains: number[];
}

export interface Judged {
  name: string;
  /** Mean nDCG@10 on the judging half. */
  mean: number;
  /** Against hybrid, question by question. */
  compared: PairedComparison;
}

export interface TrafficResult {
  learning: number;
  judging: number;
  states: number;
  baseline: number;
  byAction: { action: Action; mean: number }[];
  judged: Judged[];
  byCollection: {
    collection: string;
    questions: number;
    baseline: number;
    learned: number;
    oracle: number;
  }[];
}

/** As in the product: the first version comes after so many, then one a batch. */
const leastExperiences = 100;
const batchSize = 32;
/** Questions of a state from which the learning half can name its best action; others stay with hybrid. */
const enough = 10;

type Choice = (state: State) => readonly number[];

/** Learns on a random half of the questions, and judges on the other. */
export function judgeLearning(
  asked: readonly Asked[],
  { policy, rounds }: { policy: string; rounds: number },
): TrafficResult {
  if (!(policyNames as readonly string[]).includes(policy))
    throw new Error(`--policy takes ${policyNames.join(', ')}, not ${policy}`);
  const random = seededRandom(2);
  const shuffled = asked.map((one) => ({ one, at: random() })).sort((a, b) => a.at - b.at);
  const half = Math.ceil(shuffled.length / 2);
  const [learning, judging] = [shuffled.slice(0, half), shuffled.slice(half)].map((part) =>
    part.map(({ one }) => one),
  ) as [Asked[], Asked[]];
  const learned = learn(learning, policy as PolicyName, rounds, random);
  const greedy: Choice = (state) => oneHot(best(learned(state)));
  const oracle = bestOf(learning, enough);
  const hindsight = bestOf(judging, 1);
  const fixed: Choice = () => oneHot(actions.indexOf(fixedAction));
  const base = valuesOf(judging, fixed);
  const judge = (name: string, choice: Choice): Judged => {
    const values = valuesOf(judging, choice);
    return { name, mean: mean(values), compared: comparePaired(values, base) };
  };
  return {
    ...{ learning: learning.length, judging: judging.length },
    states: new Set(asked.map((one) => stateKey(stateOfAsked(one)))).size,
    baseline: mean(base),
    byAction: actions.map((action, i) => ({ action, mean: mean(judging.map(({ gains }) => gains[i] ?? 0)) })),
    judged: [
      judge(`${policy}, exploring`, learned),
      judge(`${policy}, its best`, greedy),
      judge('best of each state (learning half)', oracle),
      judge('best of each state (hindsight)', hindsight),
      judge('best of each question (hindsight)', () => []),
    ],
    byCollection: [...new Set(judging.map(({ collection }) => collection))].map((collection) => {
      const own = judging.filter((one) => one.collection === collection);
      const of = (choice: Choice) => mean(valuesOf(own, choice));
      return {
        collection,
        questions: own.length,
        baseline: of(fixed),
        learned: of(greedy),
        oracle: of(hindsight),
      };
    }),
  };
}

/** The learning half as traffic: what is chosen is rewarded with its nDCG@10, and nothing is known of the others. */
function learn(learning: readonly Asked[], name: PolicyName, rounds: number, random: () => number): Choice {
  const policy = createPolicy(name);
  let waiting: Experience[] = [];
  let total = 0;
  let begun = false;
  for (let round = 0; round < rounds; round++)
    for (const one of [...learning].sort(() => random() - 0.5)) {
      const state = stateOfAsked(one);
      const decision = begun
        ? policy.decide(state, random)
        : { action: fixedAction, propensity: 1, explored: false };
      const reward = one.gains[actions.indexOf(decision.action)] ?? 0;
      waiting.push({ state, action: decision.action, propensity: decision.propensity, reward });
      total += 1;
      if (total < leastExperiences || waiting.length < batchSize) continue;
      policy.update(waiting);
      waiting = [];
      begun = true;
    }
  return (state) => policy.probabilities(state);
}

/** The action with the greatest mean of each state; hybrid where there are fewer than `least` questions of it. */
function bestOf(questions: readonly Asked[], least: number): Choice {
  const sums = new Map<string, { count: number; gains: number[] }>();
  for (const one of questions) {
    const key = stateKey(stateOfAsked(one));
    const sum = sums.get(key) ?? { count: 0, gains: actions.map(() => 0) };
    sums.set(key, { count: sum.count + 1, gains: sum.gains.map((gain, i) => gain + (one.gains[i] ?? 0)) });
  }
  return (state) => {
    const sum = sums.get(stateKey(state));
    return oneHot(sum && sum.count >= least ? best(sum.gains) : actions.indexOf(fixedAction));
  };
}

/** What each question is worth under a choice; under none, what its best action is worth. */
function valuesOf(questions: readonly Asked[], choice: Choice): number[] {
  return questions.map((one) => {
    const probabilities = choice(stateOfAsked(one));
    if (probabilities.length === 0) return Math.max(...one.gains);
    return one.gains.reduce((sum, gain, i) => sum + gain * (probabilities[i] ?? 0), 0);
  });
}

function stateOfAsked({ question, kind, keyword, vector }: Asked): State {
  return stateOf(question, kind, levelsOf({ keyword, vector }));
}

function oneHot(index: number): number[] {
  return actions.map((_, i) => (i === index ? 1 : 0));
}

/** Index of the greatest; of hybrid where that is as great. */
function best(values: readonly number[]): number {
  const fixed = actions.indexOf(fixedAction);
  return values.reduce((most, value, i) => (value > (values[most] ?? 0) ? i : most), fixed);
}
