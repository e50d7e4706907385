import { afterAll, beforeAll, expect, it } from 'vitest';
import { createClient } from '../support/http.ts';
import { launch, type ServiceProcess } from '../support/process.ts';
import type { Json } from '../support/service.ts';
import { openSql, type Sql } from '../support/sql.ts';
import { createStores, type Stores } from '../support/stores.ts';
import { waitFor } from '../support/wait-for.ts';

const adminKey = 'the-admin-key-of-a-learner-that-is-killed';
const batches = 300;
let stores: Stores;
let child: ServiceProcess;
let sql: Sql;
beforeAll(async () => {
  stores = await createStores();
});
afterAll(async () => {
  await sql.close();
  await child.kill('SIGKILL');
  await stores.remove();
});

/** API and workers in one process; on the embedded tier its database is gone with it. */
async function start() {
  child = launch('workers/start.ts', {
    ...stores.environment,
    ...{ PORT: '0', ADMIN_API_KEY: adminKey, LOG_LEVEL: 'warn', FEATURE_EXPERIENCE_REPLAY: 'true' },
  });
  const admin = createClient(await child.says(/DT-RAG is ready: (http:\S+)\/docs/), adminKey);
  sql = openSql(stores.connection);
  return admin;
}

it('learns every batch once, however often the workers are killed', async () => {
  let admin = await start();
  const put = (paused: boolean) => admin.put('/api/v1/admin/learning', { paused, reason: 'a test' });
  await put(true);
  await sql.query(
    `insert into experiences (answer_id, source, state, action, propensity, reward, reward_parts)
     select gen_random_uuid(), 'answer', 'c0-i0-k' || n % 3 || '-v1', 'hybrid:direct', 1, .5, '{}' from generate_series(1, $1) n`,
    [batches * 32],
  );
  await put(false);
  const learned = async (): Promise<Json> => (await admin.get('/api/v1/admin/learning')).body.batches;
  for (const kill of [40, 120, 200]) {
    await waitFor(`${kill} are learned`, async () => (await learned()).learned >= kill, {
      withinMs: 180_000,
    });
    await sql.close();
    await child.kill('SIGKILL');
    admin = await start();
  }
  // What died with its worker comes back by the queue's stall check or the next round, whichever is first.
  await waitFor('all are learned', async () => (await learned()).learned === batches, { withinMs: 240_000 });
  expect(await learned()).toEqual({ planned: batches, learned: batches });
  const [row] = await sql.query<Json>(
    `select learned::int, snapshot, (select count(*)::int from experiences where learned_version is null) as left
       from policy_versions where live`,
  );
  const counts = row?.snapshot.cells.map(([, count]: number[]) => count);
  expect(counts.reduce((sum: number, count: number) => sum + count, 0)).toBe(batches * 32);
  expect(row).toMatchObject({ learned: batches * 32, left: 0 });
}, 900_000);
