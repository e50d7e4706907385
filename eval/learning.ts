import { estimateAll, estimateSimulated, printEstimates, readLogged } from './learning-off-policy.ts';
import { type LearningOptions, learningUsage, readLearningOptions } from './learning-options.ts';
import { knownPolicies, type Regrets, simulateWorld } from './learning-simulation.ts';
import type { WorldOptions } from './learning-world.ts';

/** `npm run eval learning`. */
export async function evaluateLearning(args: readonly string[]): Promise<void> {
  const options = readLearningOptions(args);
  if (options === 'help') console.log(learningUsage);
  else if (options.logged !== undefined) await estimateLogged(options.logged, options.json);
  else simulate(options);
}

async function estimateLogged(file: string, json: boolean): Promise<void> {
  const experiences = await readLogged(file);
  const estimated = estimateAll(experiences);
  printEstimates(
    `${experiences.length} experiences: learned from the earlier half, estimated on the later`,
    estimated,
  );
  if (json) console.log(JSON.stringify({ logged: file, experiences: experiences.length, estimated }));
}

function simulate(options: LearningOptions): void {
  const results = options.worlds.map((world) => {
    const regret = simulateWorld(world, knownPolicies(), options);
    printRegret(world, options.marks, regret);
    return { ...world, regret };
  });
  const [world] = options.worlds;
  const steps = options.marks.at(-1) ?? 0;
  const off_policy = world && estimateSimulated(world, 1, steps, options.batch);
  if (off_policy)
    printEstimates(`Off-policy, ${steps} simulated decisions of thompson, by halves`, off_policy);
  if (!options.json) return;
  const { seeds, marks, batch } = options;
  console.log(JSON.stringify({ seeds: seeds.length, marks, batch, worlds: results, off_policy }));
}

function printRegret(world: WorldOptions, marks: readonly number[], regret: Regrets): void {
  const { states, effect, of, noise, frequencies } = world;
  console.log(`\n${states} states (${frequencies}), effects of ${of} sd ${effect}, ${noise}: regret × 1,000`);
  console.table(
    Object.fromEntries(
      Object.entries(regret).map(([name, values]) => [
        name,
        Object.fromEntries(
          marks.map((mark, i) => [`after ${mark}`, Number((values[i] as number).toFixed(1))]),
        ),
      ]),
    ),
  );
}
