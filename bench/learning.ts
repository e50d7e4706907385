import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { seededRandom } from '../src/evaluation/random.ts';
import { createPolicy, type PolicyName, policyNames, restorePolicy } from '../src/learning/policies.ts';
import { type Action, actions, type Experience, stateAt, stateCount } from '../src/learning/policy.ts';

const usage = `npm run bench learning [-- --rounds 2000] [--experiences 5000] [--json FILE]

What a policy takes: to learn a batch of 32 experiences, to work out what it believes after that (once a published version),
to decide, and to be written and read as JSON; medians. And what 5,000 experiences and the policy that has learned them take
of the heap, after garbage was collected. No service, no database: the arithmetic alone.`;

const batchSize = 32;

async function main(): Promise<void> {
  const { values } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '2000' },
      experiences: { type: 'string', default: '5000' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const rounds = Number(values.rounds);
  // First: what the times leave behind would be collected in between.
  const memory = measureMemory(Number(values.experiences));
  const times = Object.fromEntries(policyNames.map((name) => [name, measureTimes(name, rounds)]));
  console.log('µs, median (95th percentile)');
  console.table(times);
  console.table(memory);
  if (values.json)
    await writeFile(values.json, `${JSON.stringify({ bench: 'learning', times, memory }, null, 2)}\n`);
}

function makeExperiences(count: number, seed: number): Experience[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => ({
    state: stateAt(Math.floor(random() * stateCount)),
    action: actions[Math.floor(random() * actions.length)] as Action,
    reward: random(),
    propensity: 1 / actions.length,
  }));
}

function measureTimes(name: PolicyName, rounds: number) {
  const policy = createPolicy(name);
  const batches = Array.from({ length: 100 }, (_, i) => makeExperiences(batchSize, i));
  const draw = seededRandom(1);
  const times: Record<string, number[]> = {};
  const time = (what: string, work: () => unknown) => {
    const since = performance.now();
    work();
    times[what] = [...(times[what] ?? []), (performance.now() - since) * 1000];
  };
  // Not timed: until everything is compiled.
  for (let i = 0; i < 3000; i++) policy.update(batches[i % batches.length] as Experience[]);
  for (let i = 0; i < rounds; i++) {
    const state = stateAt(i % stateCount);
    time('update of 32', () => policy.update(batches[i % batches.length] as Experience[]));
    time('first decision after', () => policy.decide(state, draw));
    time('next decision there', () => policy.decide(state, draw));
    if (i % 20 > 0) continue;
    time('to JSON', () => JSON.stringify(policy));
    const text = JSON.stringify(policy);
    time('from JSON', () => restorePolicy(JSON.parse(text)));
  }
  return Object.fromEntries(Object.entries(times).map(([what, all]) => [what, summary(all)]));
}

function summary(values: number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] as number).toFixed(1);
  return `${at(0.5)} (${at(0.95)})`;
}

function measureMemory(count: number) {
  setFlagsFromString('--expose_gc');
  const collect: () => void = runInNewContext('gc');
  const used = () => {
    for (let i = 0; i < 3; i++) collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  // Compiled before anything is counted.
  const learn = (experiences: readonly Experience[]) => {
    const policy = createPolicy('thompson');
    policy.update(experiences);
    for (let i = 0; i < stateCount; i++) policy.probabilities(stateAt(i));
    return policy;
  };
  for (let i = 0; i < 20; i++) learn(makeExperiences(batchSize, i));
  // Read as rows are: text that shares nothing.
  const text = JSON.stringify(makeExperiences(count, 7));
  const empty = used();
  const experiences: Experience[] = JSON.parse(text);
  const kept = used();
  const policy = learn(experiences);
  const learned = used();
  if (text.length === 0) throw new Error('The text has to live as long as what was read from it.');
  const kB = (bytes: number) => Math.round(bytes / 1000);
  return {
    [`${experiences.length} experiences, kB`]: kB(kept - empty),
    'policy that has learned them, kB': kB(learned - kept),
    'its snapshot, kB of JSON': kB(JSON.stringify(policy).length),
  };
}

await main();
