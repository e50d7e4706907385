import { Redis } from 'ioredis';
import pg from 'pg';
import { tier } from './tier.ts';

/** Where the servers of the tier are. Throws with what to do when a URL is missing. */
export function serverUrl(name: 'TEST_DATABASE_URL' | 'TEST_REDIS_URL'): string {
  const url = process.env[name];
  if (!url) throw new Error(`TEST_TIER=${tier} needs ${name}: run eval "$(.ci/services up)" first.`);
  return url;
}

/** The same server, another database. */
export function databaseUrl(name: string): string {
  const url = new URL(serverUrl('TEST_DATABASE_URL'));
  url.pathname = `/${name}`;
  return url.href;
}

/** `template` must have nobody in it while it is copied. */
export async function createDatabase(name: string, template?: string): Promise<void> {
  await onServer((client) =>
    client.query(`create database "${name}"${template === undefined ? '' : ` template "${template}"`}`),
  );
}

/** Drops every database whose name begins so, whoever is still in it. */
export async function dropDatabases(beginning: string): Promise<void> {
  await onServer(async (client) => {
    const { rows } = await client.query('select datname from pg_database where starts_with(datname, $1)', [
      beginning,
    ]);
    for (const { datname } of rows) await client.query(`drop database if exists "${datname}" with (force)`);
  });
}

/** Deletes the queues whose QUEUE_PREFIX begins so. */
export async function deleteQueues(beginning: string): Promise<void> {
  const redis = new Redis(serverUrl('TEST_REDIS_URL'), { maxRetriesPerRequest: 1 });
  try {
    for await (const keys of redis.scanStream({ match: `{${beginning}*`, count: 1000 }))
      if (keys.length > 0) await redis.unlink(...keys);
  } finally {
    redis.disconnect();
  }
}

async function onServer(work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl('TEST_DATABASE_URL') });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
