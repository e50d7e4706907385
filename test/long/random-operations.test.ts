import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runOperations } from '../chaos/operations/run.ts';
import { openSql } from '../support/sql.ts';
import { createStores, type Stores } from '../support/stores.ts';
import { tier } from '../support/tier.ts';

const operations = Number(process.env.OPERATIONS ?? 200);
const seed = Number(process.env.OPERATIONS_SEED ?? randomInt(1_000_000));

let stores: Stores;
beforeAll(async () => {
  stores = await createStores();
});
afterAll(() => stores.remove());

/** A connection for each look: the embedded database goes and comes with its process, which waits for whoever is connected. */
async function query<Row>(text: string, values?: unknown[]): Promise<Row[]> {
  const sql = openSql(stores.connection);
  try {
    return await sql.query<Row>(text, values);
  } finally {
    await sql.close().catch(() => undefined);
  }
}

it('random adds, changes, restores and deletes by eight clients leave exactly what they say, while workers are killed', async () => {
  process.stdout.write(`OPERATIONS_SEED=${seed} OPERATIONS=${operations}\n`);
  const stage = { tier, folder: stores.dataDir, environment: stores.environment, query };
  const kills = Math.max(2, Math.round(operations / 400));
  const { audit, receipts, ...figures } = await runOperations(stage, {
    ...{ seed, operations, clients: 8, kills, workers: 2, drainMs: 240_000 },
  });
  const { lost, doubled, phantom, stuck } = audit;
  expect({ lost, doubled, phantom, stuck }, JSON.stringify(figures)).toEqual({
    ...{ lost: [], doubled: [], phantom: [], stuck: [] },
  });
  expect(receipts.residual).toBe(0);
  expect(receipts.documents).toBeGreaterThan(0);
  expect(figures.done.restore).toBeGreaterThan(0);
}, 1_800_000);
