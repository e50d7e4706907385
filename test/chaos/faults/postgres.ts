import type pg from 'pg';
import { queueNames } from '../../../src/jobs/job.ts';
import { type Fault, type Scene, serverTiers } from '../fault.ts';

export const postgresImmediate: Fault = {
  name: 'postgres-immediate',
  says: 'Postgres is stopped as by a crash (immediate) and started again',
  tiers: serverTiers,
  ownServers: true,
  inject: async ({ services }) => services.run('restart-postgres', 'immediate'),
};

/** BullMQ gives the connection on which a worker listens the name of its queue. */
export const listenDrop: Fault = {
  name: 'listen-drop',
  says: 'the connections on which workers listen for jobs are ended by the server',
  tiers: ['postgres'],
  inject: async ({ stage, exceeded }) => {
    const dropped = await stage.query<object>(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = any($1)`,
      [queueNames],
    );
    if (dropped.length === 0) exceeded('no connection was listening');
  },
};

export const poolHold: Fault = {
  name: 'pool-hold',
  says: 'for 10 s every connection of the server is held by somebody else: those of the product are ended and taken',
  tiers: serverTiers,
  ownServers: true,
  inject: async ({ stage }) => {
    const held: pg.Client[] = [];
    try {
      // The product tries to have its own back all the time: whatever it gets is ended again.
      for (let end: number | undefined; end === undefined || performance.now() < end; ) {
        await takeAll(stage, held);
        end ??= performance.now() + holdMs;
        await stage.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and application_name <> 'hold' and pid <> pg_backend_pid()`,
        );
      }
    } finally {
      await Promise.all(held.map((client) => client.end()));
    }
  },
};

const holdMs = 10_000;
/** Connections that are asked for at a time. */
const atOnce = 20;

/** Connects until the server has no connection left to give. */
async function takeAll(stage: Scene['stage'], held: pg.Client[]): Promise<void> {
  for (let left = true; left; ) {
    const taken = await Promise.all(Array.from({ length: atOnce }, () => takeOne(stage)));
    for (const client of taken) if (client) held.push(client);
    left = taken.every((client) => client !== undefined);
  }
}

/** Undefined when there is none left. */
async function takeOne(stage: Scene['stage']): Promise<pg.Client | undefined> {
  try {
    const client = await stage.connect();
    await client.query(`set application_name = 'hold'`);
    return client;
  } catch (error) {
    if ((error as { code?: string }).code === '53300') return undefined;
    throw error;
  }
}
