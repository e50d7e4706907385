import { setTimeout as pause } from 'node:timers/promises';
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
    const end = performance.now() + 10_000;
    try {
      while (performance.now() < end) {
        await takeAll(stage, held);
        await stage.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and application_name <> 'hold' and pid <> pg_backend_pid()`,
        );
        await pause(20);
      }
    } finally {
      await Promise.all(held.map((client) => client.end()));
    }
  },
};

/** Connects until the server has no connection left to give. */
async function takeAll(stage: Scene['stage'], held: pg.Client[]): Promise<void> {
  for (;;) {
    try {
      const client = await stage.connect();
      held.push(client);
      await client.query(`set application_name = 'hold'`);
    } catch (error) {
      if ((error as { code?: string }).code === '53300') return;
      throw error;
    }
  }
}
