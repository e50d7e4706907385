import { createCells } from './cells.ts';
import { fitEffects } from './effects.ts';
import { effectsPrior } from './linear-policy.ts';
import { type Experience, type State, stateIndex } from './policy.ts';

/**
 * Models of rewards, each fitted on one half of the experiences: the function gives the rewards that are expected of all
 * actions in the state of experience `i`, by the model that has not seen it. Halves are every second experience.
 */
export function fitCrossed(experiences: readonly Experience[]): (state: State, i: number) => Float64Array {
  const models = [0, 1].map((half) => {
    const cells = createCells();
    // A row keeps its last reward alone: what it replaced is not among the rows.
    cells.add(experiences.filter((_, i) => i % 2 !== half).map(({ replaces: _, ...rest }) => rest));
    const effects = fitEffects(cells, effectsPrior);
    const known = new Map<number, Float64Array>();
    return (state: number) => {
      const found = known.get(state) ?? effects.belief(state).means;
      known.set(state, found);
      return found;
    };
  });
  return (state, i) => (models[i % 2] as (typeof models)[0])(stateIndex(state));
}
