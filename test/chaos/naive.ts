import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Environment, readConfig } from '../../src/config.ts';
import type { Fault, Scene } from './fault.ts';
import { createNaiveTables, type NaiveStore, openNaiveStore } from './naive-queue.ts';
import { supervise } from './product.ts';
import { createRandom } from './random.ts';
import type { Result } from './report.ts';
import type { RunOptions } from './run.ts';
import { say } from './say.ts';
import type { Services } from './services.ts';
import { openStage, type Stage } from './stage.ts';

/** What a naive worker takes to start, generously. */
const startMs = 2000;

/** Nothing has happened for so long: what is missing now stays missing. Longer than BullMQ's lock and its look for stalled jobs. */
const quietMs = 75_000;

/**
 * Proves that the faults bite: what most would write (insert the row, then add the job; do the work when told) under the
 * same fault. Its figures must not be zero. Server tiers; faults that touch processes and stores alone.
 */
export async function runNaive(fault: Fault, options: RunOptions, environment: Environment): Promise<Result> {
  const stage = await openStage(environment);
  if (stage.tier === 'embedded') throw new Error('The naive one needs DATABASE_URL.');
  const { DATABASE_URL, REDIS_URL } = stage.environment;
  await createNaiveTables(DATABASE_URL as string);
  const store = openNaiveStore(DATABASE_URL as string, REDIS_URL);
  const members = startWorkers(stage, options.workers);
  try {
    const random = createRandom(options.seed);
    const product = {
      url: '',
      members,
      crashes: () => [],
      ready: async () => undefined,
      stop: async () => undefined,
    };
    const scene = {
      stage,
      product,
      random,
      ledger: [],
      working: () => pause(startMs),
      services: stage.services as Services,
    } as unknown as Scene;
    const accepted = await submitAll(store, options, (n) => fault.inject(scene, n));
    const ended = performance.now();
    await quiet(store);
    return await count(
      { fault, stage, options, accepted, seconds: (performance.now() - ended - quietMs) / 1000 },
      store,
    );
  } finally {
    await Promise.all(members.map((member) => member.retire()));
    await store.queue.close();
    await store.pool.end();
    await stage.close();
  }
}

function startWorkers(stage: Stage, count: number) {
  const { PATH = '' } = process.env;
  const entry = fileURLToPath(new URL('./naive-worker.ts', import.meta.url));
  const command = ['--import', 'tsx', entry];
  return Array.from({ length: count }, (_, n) =>
    supervise({
      name: `naive-${n + 1}`,
      works: true,
      stage,
      crashed: [],
      command,
      environment: { PATH, ...stage.environment },
    }),
  );
}

/** Inserts and adds, at the rate; the fault comes at even distances. Returns how many were accepted. */
async function submitAll(
  { pool, queue }: NaiveStore,
  { jobs, rate, injections }: RunOptions,
  inject: (n: number) => Promise<void>,
): Promise<number> {
  const every = Math.floor(jobs / injections);
  let running = Promise.resolve();
  let accepted = 0;
  for (let id = 0; id < jobs; id++) {
    if (id % every === every - 1) {
      await running;
      running = inject(Math.floor(id / every));
      running.catch(() => undefined);
    }
    await pool.query('insert into naive_work (id) values ($1)', [id]);
    await queue.add('work', { id });
    accepted++;
    await pause(1000 / rate);
  }
  await running;
  return accepted;
}

/** Resolves when no effect has come for a while. */
async function quiet({ pool }: NaiveStore): Promise<void> {
  let effects = -1;
  for (let since = performance.now(); performance.now() - since < quietMs; await pause(500)) {
    const { rows } = await pool.query('select count(*)::int as n from naive_effects');
    if (rows[0].n !== effects) since = performance.now();
    effects = rows[0].n;
  }
}

interface Naive {
  fault: Fault;
  stage: Stage;
  options: RunOptions;
  accepted: number;
  seconds: number;
}

async function count(
  { fault, stage, options, accepted, seconds }: Naive,
  { pool, queue }: NaiveStore,
): Promise<Result> {
  const { rows } = await pool.query(
    `select count(*) filter (where n = 0)::int as lost, count(*) filter (where n > 1)::int as doubled, sum(greatest(n - 1, 0))::int as reruns
       from (select w.id, count(e.work_id) as n from naive_work w left join naive_effects e on e.work_id = w.id group by w.id) x`,
  );
  const { failed = 0 } = await queue.getJobCounts('failed');
  say(`naive: ${failed} jobs given up by the queue`);
  return {
    fault: `naive ${fault.name}`,
    tier: readConfig(stage.environment).tier,
    seed: options.seed,
    acked: accepted,
    ...rows[0],
    phantom: 0,
    stuck: 0,
    recovery_s: Math.round(seconds * 10) / 10,
  };
}
