import { randomUUID } from 'node:crypto';
import { addExperience, readLearning } from '../src/db/experiences.ts';
import { learnBatch, planBatches } from '../src/db/learning.ts';
import { learnerOf } from '../src/learning/learn.ts';
import { actions, stateAt, stateCount, stateKey } from '../src/learning/policy.ts';
import { openBench } from './setup.ts';

const count = 5000;

/** What keeping and learning 5,000 experiences costs: time of each addition and batch, and bytes of the table. */
async function main(): Promise<void> {
  const serverUrl = process.env.DATABASE_URL;
  if (!serverUrl) throw new Error('Set DATABASE_URL: a database is made there, and removed at the end.');
  const bench = await openBench(serverUrl);
  const { db } = bench.database;
  try {
    const adding: number[] = [];
    for (let n = 0; n < count; n++) adding.push(await timed(() => addExperience(db, experience(n), 10_000)));
    const { bytes, size } = (await readLearning(db)).buffer;
    const batches = await planBatches(db, 10_000);
    const learning: number[] = [];
    for (const batch of batches)
      learning.push(await timed(() => learnBatch(db, batch, 'thompson', learnerOf('thompson'))));
    const after = (await readLearning(db)).buffer.bytes;
    console.log(`${size} experiences: ${megabytes(bytes)}, all learned: ${megabytes(after)}`);
    console.log(`adding one, ms: ${percentiles(adding)}`);
    console.log(`${batches.length} batches, each with its transaction, ms: ${percentiles(learning)}`);
  } finally {
    await bench.close();
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(2)} MB`;
}

function experience(n: number) {
  const state = stateKey(stateAt((n * 7) % stateCount));
  const reward = (n % 101) / 100;
  return {
    ...{ answerId: randomUUID(), source: 'answer', state, action: actions[n % 6] ?? 'hybrid:direct' },
    ...{ policyVersion: 1, propensity: 0.41, reward },
    rewardParts: { citation_support: reward, answered: 1, latency: 1 },
  };
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await run();
  return performance.now() - started;
}

function percentiles(values: number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(2);
  return `median ${at(0.5)}, p95 ${at(0.95)}, p99 ${at(0.99)}`;
}

await main();
