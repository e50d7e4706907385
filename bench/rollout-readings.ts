import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Knex } from 'knex';
import { readConfig } from '../src/config.ts';
import { openDatabase } from '../src/db/connect.ts';
import { migrate } from '../src/db/migrations.ts';
import { readRollout } from '../src/db/rollout-readings.ts';
import { foldObservations } from '../src/db/rollout-sums.ts';
import { findRollout, type RolloutRow } from '../src/db/rollouts.ts';
import { startRollout } from '../src/rollouts/moves.ts';
import { completeStage, stageSchema } from '../src/rollouts/plan.ts';
import { percentile } from './load.ts';
import { openBench } from './setup.ts';

const usage = `npm run bench rollout-readings -- [--observations 100000] [--rated 0.02] [--looks 20]

Milliseconds of a look at a rollout that has so many observations, a tenth of them of the treatment: before any is folded into
sums, of folding them all, and afterwards with 200 that have not been; a share of the answers is rated. DATABASE_URL names a
Postgres server; embedded without.`;

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    observations: { type: 'string', default: '100000' },
    rated: { type: 'string', default: '0.02' },
    looks: { type: 'string', default: '20' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) console.log(usage);
else await main();

async function main(): Promise<void> {
  const { db, close } = process.env.DATABASE_URL
    ? await openServer(process.env.DATABASE_URL)
    : await openEmbedded();
  try {
    const rollout = await begin(db);
    const observe = async (count: number) => insertObservations(db, rollout.id, count, Number(values.rated));
    await observe(Number(values.observations));
    await db.raw('analyze rollout_observations, feedback');
    const before = await look(db, rollout, 3);
    const startedAt = performance.now();
    await foldObservations(db, rollout.id);
    const fold = performance.now() - startedAt;
    await observe(200);
    const after = await look(db, rollout, Number(values.looks));
    const again = performance.now();
    await foldObservations(db, rollout.id);
    const small = performance.now() - again;
    console.table({
      'a look, none folded': before,
      'folding all of them': { median: Math.round(fold) },
      'a look, 200 not folded': after,
      'folding 200': { median: Math.round(small) },
    });
  } finally {
    await close();
  }
}

async function openServer(url: string): Promise<{ db: Knex; close(): Promise<void> }> {
  const { database, close } = await openBench(url);
  return { db: database.db, close };
}

async function openEmbedded(): Promise<{ db: Knex; close(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'dt-rag-bench-'));
  const database = await openDatabase(readConfig({ DATA_DIR: folder, ENVIRONMENT: 'testing' }), (error) => {
    throw error;
  });
  await migrate(database.db, { alone: true });
  return {
    db: database.db,
    close: async () => {
      await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function begin(db: Knex): Promise<RolloutRow> {
  const gates = [{ metric: 'p95_ms', at_most: 1500 }];
  const stage = completeStage(stageSchema.parse({ name: 'a tenth', flags: { debate_mode: 10 }, gates }));
  const { id } = await startRollout(
    db,
    {
      ...{
        id: randomUUID(),
        name: 'bench',
        auto_advance: false,
        api_key_id: randomUUID(),
        created_by: 'bench',
      },
      plan: { stages: [stage], overdue_seconds: 60, false_rollback_rate: 0.01 },
      before: { debate_mode: { enabled: false, rollout_percent: 100 } },
    },
    { reason: 'a bench' },
  );
  return (await findRollout(db, id)) as RolloutRow;
}

/** As triggers leave them when answers have ended; latencies spread over a decade. */
async function insertObservations(db: Knex, id: string, count: number, rated: number): Promise<void> {
  await db.raw(
    `with made as (
       insert into rollout_observations
         (answer_id, rollout_id, stage, arm, status, ms, total_ms, abstained, degraded, cached, confidence, support, rated)
       select gen_random_uuid(), :id, 0, case when n % 10 = 0 then 'treatment' else 'control' end,
              case when n % 97 = 0 then 'failed' else 'completed' end, 100 * exp(2.3 * random()), 120 * exp(2.3 * random()),
              n % 11 = 0, n % 53 = 0, n % 17 = 0, random(), random(), random() < :rated
         from generate_series(1, :count) n returning answer_id, rated),
     answered as (
       insert into answers (id, question, request, deadline_at, expires_at)
       select answer_id, 'Where is it', '{}', now(), now() + interval '1 day' from made where rated returning id)
     select count(*) from answered`,
    { id, count, rated },
  );
  await db.raw(
    `insert into feedback (answer_id, api_key_id, rating) select id, gen_random_uuid(), random() from answers
      on conflict do nothing`,
  );
}

async function look(db: Knex, rollout: RolloutRow, times: number) {
  const taken: number[] = [];
  for (let n = 0; n < times; n++) {
    const startedAt = performance.now();
    await readRollout(db, rollout);
    taken.push(performance.now() - startedAt);
  }
  return { median: Math.round(percentile(taken, 0.5)), most: Math.round(percentile(taken, 1)) };
}
