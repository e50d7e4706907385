import { randomUUID } from 'node:crypto';
import type { Database } from '../src/db/connect.ts';
import { addExperience, readLearning } from '../src/db/experiences.ts';
import { learnBatch, planBatches } from '../src/db/learning.ts';
import { learnerOf } from '../src/learning/learn.ts';
import { actions, stateAt, stateCount, stateKey } from '../src/learning/policy.ts';
import { endAnswer } from './ended-answer.ts';
import { percentile } from './load.ts';
import { openBench } from './setup.ts';

const count = 5000;
/** Answers that are ended without an experience and with one, in turns, and ratings. */
const ended = 2000;

/**
 * What keeping and learning 5,000 experiences costs: bytes of the table, time of each batch, what ending an answer takes without
 * and with an experience where the buffer is full, and a rating's.
 */
async function main(): Promise<void> {
  const serverUrl = process.env.DATABASE_URL;
  if (!serverUrl) throw new Error('Set DATABASE_URL: a database is made there, and removed at the end.');
  const bench = await openBench(serverUrl);
  const { db } = bench.database;
  try {
    for (let n = 0; n < count; n++) await addExperience(db, experience(n), count);
    const { bytes, size } = (await readLearning(db)).buffer;
    const batches = await planBatches(db, count);
    const learning: number[] = [];
    for (const batch of batches)
      learning.push(await timed(() => learnBatch(db, batch, 'thompson', learnerOf('thompson'))));
    const after = (await readLearning(db)).buffer.bytes;
    console.log(`${size} experiences: ${megabytes(bytes)}, all learned: ${megabytes(after)}`);
    console.log(`${batches.length} batches, each with its transaction, ms: ${percentiles(learning)}`);
    await measureAdding(db);
  } finally {
    await bench.close();
  }
}

async function measureAdding(db: Database['db']): Promise<void> {
  const taken = { without: [] as number[], with: [] as number[] };
  // The first of each are for the plans and the caches; which comes first changes.
  for (let n = -100; n < ended; n++)
    for (const kind of n % 2 === 0 ? (['without', 'with'] as const) : (['with', 'without'] as const)) {
      const ms = await endAnswer(db, kind === 'with' ? experience(n + 100) : null, count);
      if (n >= 0) taken[kind].push(ms);
    }
  console.log(`ending an answer without, ms: ${percentiles(taken.without)}`);
  console.log(`ending an answer with one, ms: ${percentiles(taken.with)}`);
  const costs = [0.5, 0.95, 0.99].map(
    (share) => percentile(taken.with, share) - percentile(taken.without, share),
  );
  console.log(`so adding costs, ms: ${costs.map((ms) => ms.toFixed(2)).join(', ')} of these`);
  const rating: number[] = [];
  for (let n = 0; n < ended; n++) {
    const rated = { ...experience(n), source: `feedback:${n % 100}` };
    rating.push(await timed(() => addExperience(db, rated, count)));
  }
  console.log(`adding that of a rating, which has a commit of its own, ms: ${percentiles(rating)}`);
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
  const at = (share: number) => percentile(values, share).toFixed(2);
  return `median ${at(0.5)}, p95 ${at(0.95)}, p99 ${at(0.99)}`;
}

await main();
