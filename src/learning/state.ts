import { complexityOf } from './complexity.ts';
import type { State } from './policy.ts';

/** Kinds of question by their number in a state; stable over releases, since experiences keep it. */
export const intents = ['factual', 'list', 'comparison', 'procedure'] as const;
export type IntentName = (typeof intents)[number];

type Level = 0 | 1 | 2;
export type Levels = Pick<State, 'keyword' | 'vector'>;

/**
 * From where evidence is of the middle and of the highest level: near the terciles of the questions that docs/learning-loop.md
 * measures, on their learning half. Keyword: best BM25 over what the question's words could reach; vector: best cosine.
 */
const bounds = { keyword: [0.4, 0.55], vector: [0.5, 0.65] } as const;

/** Evidence of either leg alone. Without a leg, or where its model can't read the question, there is none: the lowest level. */
export function levelsOf(evidence: { keyword: number; vector: number | null }): Levels {
  return {
    keyword: levelIn(evidence.keyword, bounds.keyword),
    vector: levelIn(evidence.vector ?? 0, bounds.vector),
  };
}

function levelIn(value: number, [middle, high]: readonly [number, number]): Level {
  if (value < middle) return 0;
  return value < high ? 1 : 2;
}

/** What a policy decides by. */
export function stateOf(question: string, intent: IntentName, levels: Levels): State {
  return {
    complexity: complexityOf(question),
    intent: intents.indexOf(intent) as State['intent'],
    ...levels,
  };
}

const key = /^c([0-2])-i([0-3])-k([0-2])-v([0-2])$/;

/** The state of a `stateKey`. Throws RangeError for anything else. */
export function stateFromKey(text: string): State {
  const [, complexity, intent, keyword, vector] = (key.exec(text) ?? []).map(Number);
  if (vector === undefined) throw new RangeError(`${JSON.stringify(text)} is not the key of a state.`);
  return { complexity, intent, keyword, vector } as State;
}
