import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bucket } from '../../src/flag-service.ts';
import { type Client, createClient, type Json } from '../support/http.ts';
import { launch, type ServiceProcess } from '../support/process.ts';
import { deleteQueues } from '../support/server.ts';
import { addDocument, ended } from '../support/service.ts';
import { openSql, type Sql } from '../support/sql.ts';
import { createStores, type Stores } from '../support/stores.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { holdsHere, onlyWhere } from '../support/tier.ts';
import { waitFor } from '../support/wait-for.ts';

const flag = 'meta_planner';
const doors = 2;
const workers = 4;
/** Answers through each door that a change is judged by; all of them were asked for a second after it. */
const enough = 25;
/** Who ask at the same time, by turns at each door. */
const askers = 6;

interface Asked {
  door: number;
  /** When the request was sent, by the clock of the test. */
  sentAt: number;
  id: string;
  percent: number;
  on: boolean;
}

const launched: ServiceProcess[] = [];
const held = holdsHere('API and workers are processes of their own');
let stores: Stores;
let redis: TcpProxy | undefined;
let sql: Sql;
let clients: Client[];
const all: Asked[] = [];
let share = 0;

beforeAll(async () => {
  if (!held) return;
  stores = await createStores();
  const { environment } = stores;
  if (environment.REDIS_URL) redis = await startTcpProxy(environment.REDIS_URL);
  const shared = { ...environment, ...(redis ? { REDIS_URL: redis.url } : {}) };
  const apis = Array.from({ length: doors }, () => launch('src/main.ts', { ...shared, PORT: '0' }));
  launched.push(...apis, launch('workers/main.ts', { ...shared, WORKER_PROCESSES: String(workers) }));
  const urls = await Promise.all(apis.map((api) => api.says(/"url":"(http:[^"]+)"/)));
  clients = urls.map((url) => createClient(url, environment.ADMIN_API_KEY as string));
  sql = openSql(stores.connection);
  await waitFor('every worker takes every queue', async () => {
    const { body } = await (clients[0] as Client).get('/health');
    return Object.values<{ workers: number }>(body.queues).every((queue) => queue.workers === workers);
  });
  await addDocument(clients[0] as Client, { text: 'The heron waits at the weir until the water is low.' });
}, 300_000);
afterAll(async () => {
  await sql?.close();
  for (const child of launched) await child.kill('SIGTERM');
  await redis?.close();
  await stores?.remove();
});

async function ask(door: number): Promise<Asked | undefined> {
  const sentAt = performance.now();
  const caller = `caller-${all.length}`;
  const { status, body } = await (clients[door] as Client).post(
    '/api/v1/answers',
    { question: 'Where does the heron wait?' },
    { 'X-Rollout-Id': caller },
  );
  // A full queue refuses: that is its right, and accepts nothing.
  if (status === 429) {
    await pause(200);
    return undefined;
  }
  if (status !== 202) throw new Error(`${status}: ${JSON.stringify(body)}`);
  const { on, percent, reason } = body.flags[flag];
  if (reason === 'rollout') expect(on).toBe(bucket(flag, caller) < percent);
  return { door, sentAt, id: body.id, percent, on };
}

async function setThrough(door: number, percent: number): Promise<void> {
  const change = { enabled: true, rollout_percent: percent, reason: 'the drill' };
  const reply = await (clients[door] as Client).put(`/api/v1/admin/flags/${flag}`, change);
  expect(reply.status, reply.text).toBe(200);
}

/**
 * Changes the flag, through one door unless said otherwise, while questions come through both, and goes on until each door has
 * accepted enough that were sent a second after the change. Every one of those must have it. Each share is a new one, so that no
 * other value can be taken for it.
 */
async function changeUnderLoad(
  door: number,
  change = (percent: number) => setThrough(door, percent),
): Promise<void> {
  let changedAt = Number.POSITIVE_INFINITY;
  const late: Asked[] = [];
  const done = () => clients.every((_, n) => late.filter((one) => one.door === n).length >= enough);
  const asker = async (n: number) => {
    while (!done()) {
      const one = await ask(n % doors);
      if (!one) continue;
      all.push(one);
      if (one.sentAt >= changedAt + 1000) late.push(one);
    }
  };
  const asking = Promise.all(Array.from({ length: askers }, (_, n) => asker(n)));
  await waitFor('questions are accepted', () => all.length > 20);
  share += 7;
  const percent = share;
  await change(percent);
  changedAt = performance.now();
  await asking;
  expect(late.filter((one) => one.percent !== percent)).toEqual([]);
}

/** Ends the connections on which the processes listen, again and again. */
async function withoutListeners(until: () => boolean): Promise<number> {
  let cut = 0;
  while (!until()) {
    const rows = await sql.query<Json>(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'dt-rag listener'`,
    );
    cut += rows.length;
    await pause(50);
  }
  return cut;
}

describe('a flag that is set under load, with two API and four worker processes', () => {
  it('is followed by every question that comes a second later', async (test) => {
    onlyWhere(test, 'API and workers are processes of their own');
    for (const door of [0, 1]) await changeUnderLoad(door);
  }, 300_000);

  it('also after the queues have lost everything', async (test) => {
    onlyWhere(test, 'there is a Redis');
    await deleteQueues(stores.environment.QUEUE_PREFIX as string);
    await changeUnderLoad(0);
  }, 300_000);

  it('also while Redis is away, and after it is back', async (test) => {
    onlyWhere(test, 'there is a Redis');
    redis?.cut();
    await changeUnderLoad(1);
    redis?.restore();
    await changeUnderLoad(0);
  }, 300_000);

  it('also while the connections on which the processes listen are cut', async (test) => {
    onlyWhere(test, 'API and workers are processes of their own');
    let over = false;
    const cutting = withoutListeners(() => over);
    await changeUnderLoad(1).finally(() => {
      over = true;
    });
    expect(await cutting).toBeGreaterThan(doors);
  }, 300_000);

  it('also when nothing tells of it', async (test) => {
    onlyWhere(test, 'API and workers are processes of their own');
    await changeUnderLoad(0, async (percent) => {
      await sql.query('update flag_overrides set rollout_percent = $1 where key = $2', [percent, flag]);
    });
  }, 300_000);

  it('and every finished answer has the flags that it was accepted with', async (test) => {
    onlyWhere(test, 'API and workers are processes of their own');
    const [client] = clients as [Client];
    for (const { id, on, percent } of all.slice(-100)) {
      const answer = await ended(client, `/api/v1/answers/${id}`);
      expect(answer).toMatchObject({ status: 'completed', flags: { [flag]: { on, percent } } });
      // What the flag does, and not only what is said of it.
      expect(answer.plan !== undefined, 'planned').toBe(on);
    }
  }, 300_000);
});
