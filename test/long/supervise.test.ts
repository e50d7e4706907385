import { randomBytes, randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { openDatabase } from '../../src/db/connect.ts';
import { migrate } from '../../src/db/migrations.ts';
import { migratePostgresStore } from '../../src/jobs/store-postgres.ts';
import { openProbes } from '../../workers/probes.ts';
import { openBench } from '../support/context.ts';
import { createClient } from '../support/http.ts';
import { launch, type ServiceProcess } from '../support/process.ts';
import { createDatabase, databaseUrl, dropDatabases } from '../support/server.ts';
import { waitFor } from '../support/wait-for.ts';

const server = Boolean(process.env.TEST_DATABASE_URL);
if (!server)
  process.stderr.write('SKIPPED: supervised workers need TEST_DATABASE_URL (eval "$(.ci/services up)").\n');

const launched: ServiceProcess[] = [];
afterAll(async () => {
  for (const child of launched) await child.kill('SIGKILL');
});

/** `npm run worker` with production's demands and without the API's secrets: a worker must not need them. */
function startWorker(environment: Record<string, string>): ServiceProcess {
  const child = launch('workers/main.ts', { ENVIRONMENT: 'production', ...environment });
  launched.push(child);
  return child;
}

/** Two free ports in a row. */
async function freePorts(): Promise<number> {
  const isFree = (port: number) =>
    new Promise<boolean>((resolve) => {
      const socket = createServer();
      socket.once('error', () => resolve(false));
      socket.listen(port, '127.0.0.1', () => socket.close(() => resolve(true)));
    });
  for (;;) {
    const port = randomInt(20_000, 30_000);
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
}

interface Line {
  level: number;
  msg: string;
  process?: number;
  deaths?: number;
  [field: string]: unknown;
}
function linesOf(child: ServiceProcess): Line[] {
  return child
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line));
}

describe.skipIf(!server)('WORKER_PROCESSES=2', () => {
  const name = `dtrag_supervise_${randomBytes(4).toString('hex')}`;
  afterAll(() => dropDatabases(name));

  /** A database of its own, and how to ask it for the processes that work on it. */
  async function prepare() {
    await createDatabase(name);
    const environment = { DATABASE_URL: databaseUrl(name) };
    const database = await openDatabase(readConfig(environment), (error) => {
      throw error;
    });
    await migrate(database.db, { alone: false });
    await migratePostgresStore(database.openQueuePool());
    const workers = async (): Promise<number[]> =>
      (await database.db('worker_heartbeats').pluck('process')).map((row: string) =>
        Number(row.split(':')[1]),
      );
    return { environment, database, workers };
  }

  it('keeps two processes working, replaces a killed one, and ends with them', async () => {
    const { environment, database, workers } = await prepare();
    try {
      const port = await freePorts();
      const settings = { ...environment, WORKER_PROCESSES: '2', WORKER_PORT: String(port) };
      const supervisor = startWorker(settings);
      const ready = (n: number) => async () => {
        const reply = await createClient(`http://127.0.0.1:${port + n}`)
          .get('/health/ready')
          .catch(() => undefined);
        return reply?.status === 200;
      };
      await waitFor('both are ready', async () => (await ready(0)()) && (await ready(1)()));
      const before = await workers();
      expect(before).toHaveLength(2);

      process.kill(before[0] as number, 'SIGKILL');
      const replaced = await waitFor('another one works', async () =>
        (await workers()).find((pid) => !before.includes(pid)),
      );
      const died = linesOf(supervisor).filter(({ msg }) => msg.startsWith('a worker died'));
      expect(died).toMatchObject([{ level: 40, pid: before[0], signal: 'SIGKILL', deaths: 1 }]);

      // As systemd and Ctrl-C do: everybody gets the signal, and the supervisor passes its own on.
      for (const pid of [before[1] as number, replaced]) process.kill(pid, 'SIGTERM');
      await supervisor.kill('SIGTERM');
      expect(await supervisor.ended, supervisor.output()).toBe(0);
      expect(await workers(), 'the ones that ended in order').toEqual([before[0]]);
      expect(linesOf(supervisor).filter(({ level }) => level >= 50)).toEqual([]);

      const orphaning = startWorker(settings);
      await waitFor('both work', async () => (await workers()).length === 3);
      await orphaning.kill('SIGKILL');
      await waitFor('they end with their supervisor', async () => (await workers()).length === 1);
    } finally {
      await database.close();
    }
  }, 240_000);
});

it('gives up on workers that die again and again', async () => {
  const DATABASE_URL = 'postgresql://nobody@127.0.0.1:1/nothing';
  const supervisor = startWorker({ DATABASE_URL, WORKER_PROCESSES: '2' });
  expect(await supervisor.ended).toBe(1);
  const lines = linesOf(supervisor);
  const errors = lines.filter(({ level }) => level >= 50);
  expect(errors[0]).toMatchObject({ msg: 'a worker died 5 times within a minute: giving up', deaths: 5 });
  const deaths = lines.filter(
    ({ msg, process: n }) => msg.includes('worker died') && n === errors[0]?.process,
  );
  // Only deaths of the last minute count: where a start takes long, early ones may have been forgotten in between.
  expect([deaths.at(0)?.deaths, deaths.at(-1)?.deaths]).toEqual([1, 5]);
}, 240_000);

describe('the probes of a worker', () => {
  it('tell whether it lives, is ready, and what it counted', async () => {
    const { close, foundation } = await openBench();
    const { config, shutdown } = foundation;
    try {
      const { url, started } = await openProbes(
        { ...foundation, config: { ...config, METRICS_TOKEN: 'only-for-prometheus' } },
        0,
      );
      const client = createClient(url);
      const status = async (path: string) => {
        const reply = await client.get(path);
        return [reply.status, reply.body.status];
      };
      expect(await status('/health/live')).toEqual([200, 'live']);
      expect(await status('/health/ready')).toEqual([503, 'starting']);
      started();
      expect(await status('/health/ready?verbose')).toEqual([200, 'ready']);
      expect(await status('/metrics')).toEqual([401, 'unauthenticated']);
      const headers = { Authorization: 'Bearer only-for-prometheus' };
      const metrics = await client.get('/metrics', { headers });
      expect(metrics.text).toMatch(/^process_cpu_seconds_total /m);
      expect(await status('/documents')).toEqual([404, 'not_found']);
      expect((await client.post('/health/live')).status).toBe(405);
      expect(await client.call('HEAD', '/health/live')).toMatchObject({ status: 200, text: '' });

      // A job that takes its time to end.
      let end = () => {};
      const job = new Promise<void>((resolve) => {
        end = resolve;
      });
      shutdown.add('a running job', () => job);
      const stopped = shutdown.run();
      expect(await status('/health/ready')).toEqual([503, 'stopping']);
      expect(await status('/health/live')).toEqual([200, 'live']);
      end();
      await stopped;
      await expect(client.get('/health/live')).rejects.toThrow();
    } finally {
      await close();
    }
  });
});
