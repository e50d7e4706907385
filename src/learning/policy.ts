/** Which evidence counts most in an answer's retrieval; `vector_heavy` moves the weight of hybrid towards meaning. */
export const retrievalArms = ['keyword', 'hybrid', 'vector_heavy'] as const;
export type RetrievalArm = (typeof retrievalArms)[number];

/** `deliberate` searches a second time: more broadly, and with variants of the question. */
export const depths = ['direct', 'deliberate'] as const;
export type Depth = (typeof depths)[number];

export type Action = `${RetrievalArm}:${Depth}`;
export const actions: readonly Action[] = retrievalArms.flatMap((arm) =>
  depths.map((depth): Action => `${arm}:${depth}`),
);

/** What is done where no policy decides, and until there is evidence for anything else. */
export const fixedAction: Action = 'hybrid:direct';

export function actionIndex(action: Action): number {
  return actions.indexOf(action);
}

/** What is known of a question before its retrieval is decided: each part in levels, from little to much. */
export interface State {
  complexity: 0 | 1 | 2;
  /** Kind of question; its order has no meaning. */
  intent: 0 | 1 | 2 | 3;
  /** Of either leg alone, before fusion. */
  keyword: 0 | 1 | 2;
  vector: 0 | 1 | 2;
}

export const stateCount = 3 * 4 * 3 * 3;

/** 0 … stateCount − 1. */
export function stateIndex({ complexity, intent, keyword, vector }: State): number {
  return ((complexity * 4 + intent) * 3 + keyword) * 3 + vector;
}

/** The state whose `stateIndex` this is. */
export function stateAt(index: number): State {
  return {
    complexity: Math.floor(index / 36) as State['complexity'],
    intent: (Math.floor(index / 9) % 4) as State['intent'],
    keyword: (Math.floor(index / 3) % 3) as State['keyword'],
    vector: (index % 3) as State['vector'],
  };
}

/** Stable over releases: experiences keep it. */
export function stateKey({ complexity, intent, keyword, vector }: State): string {
  return `c${complexity}-i${intent}-k${keyword}-v${vector}`;
}

export interface Experience {
  state: State;
  action: Action;
  /** 0…1. */
  reward: number;
  /** Probability with which the action was chosen, 0 < p ≤ 1. */
  propensity: number;
  /** The reward that was learned earlier for the same decision and that this one takes the place of: late feedback. */
  replaces?: number;
}

export interface Decision {
  action: Action;
  propensity: number;
  /** Whether another action looked better. */
  explored: boolean;
}

/** What learns which action is best in which state. Pure: no clock, no randomness but what it is given. */
export interface Policy {
  readonly name: string;
  /** Probability of each of `actions`, in their order; they sum to 1. */
  probabilities(state: State): number[];
  /** `draw` gives numbers in [0, 1). */
  decide(state: State, draw: () => number): Decision;
  /** Learns each experience once. Throws RangeError, and learns nothing of the batch, where a reward is not a number. */
  update(batch: readonly Experience[]): void;
  /** All that it has learned, to be stored and restored. */
  toJSON(): unknown;
}
