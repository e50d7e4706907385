import { parseArgs } from 'node:util';
import type { WorldOptions } from './learning-world.ts';

export const learningUsage = `npm run eval learning [-- options]

Simulates how much reward each policy loses against the best action of each state, and compares off-policy estimates with
the truth. Needs no service.

--seeds N       worlds of each kind, seeds 1 to N; 12 when left out
--steps N       decisions in each; 5000
--batch N       decisions between two updates; 8
--wide          also worlds whose effects belong to whole states or to actions alone, rewards of 0 and 1, skewed states,
                and such where fixed hybrid is best
--logged FILE   instead: policies learn from one half of these experiences and are estimated on the other; JSON lines of
                {"state":{"complexity":0,"intent":1,"keyword":2,"vector":0},"action":"hybrid:direct","reward":0.7,"propensity":0.9}
--json          the result as the last line of standard output`;

export interface LearningOptions {
  seeds: number[];
  marks: number[];
  batch: number;
  worlds: WorldOptions[];
  logged: string | undefined;
  json: boolean;
}

/** Throws with a sentence for the person who typed it. */
export function readLearningOptions(args: readonly string[]): LearningOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: '12' },
      steps: { type: 'string', default: '5000' },
      batch: { type: 'string', default: '8' },
      wide: { type: 'boolean', default: false },
      logged: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const steps = toCount('--steps', values.steps);
  return {
    seeds: Array.from({ length: toCount('--seeds', values.seeds) }, (_, i) => i + 1),
    marks: [...[500, 2000].filter((mark) => mark < steps), steps],
    batch: toCount('--batch', values.batch),
    worlds: [...plainWorlds, ...(values.wide ? wideWorlds : [])],
    logged: values.logged,
    json: values.json,
  };
}

const plain = { of: 'levels', noise: 'gaussian', frequencies: 'even' } as const;

export const plainWorlds: readonly WorldOptions[] = ([36, 108] as const).flatMap((states) =>
  [0.03, 0.06].map((effect): WorldOptions => ({ states, effect, ...plain })),
);

const wideWorlds: readonly WorldOptions[] = [
  { states: 108, effect: 0.06, ...plain, frequencies: 'skewed' },
  { states: 108, effect: 0.06, ...plain, noise: 'bernoulli' },
  { states: 108, effect: 0.06, ...plain, of: 'actions' },
  { states: 36, effect: 0.06, ...plain, of: 'states' },
  { states: 108, effect: 0.06, ...plain, of: 'states' },
  { states: 108, effect: 0.06, of: 'states', noise: 'bernoulli', frequencies: 'skewed' },
  { states: 108, effect: 0.05, ...plain, of: 'fixed' },
  { states: 108, effect: 0.1, ...plain, of: 'fixed' },
  { states: 108, effect: 0.1, ...plain, of: 'fixed', noise: 'bernoulli' },
];

function toCount(option: string, given: string): number {
  if (/^[1-9]\d*$/.test(given)) return Number(given);
  throw new Error(`${option} takes a whole number from 1, not ${given}`);
}
