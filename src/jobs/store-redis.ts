import { Queue, Worker } from 'bullmq';
import { Cluster, Redis } from 'ioredis';
import { within } from '../bounded.ts';
import { ConfigError } from '../config.ts';
import type { Log } from '../log.ts';
import type { Store } from './store.ts';

interface Connecting {
  maxRetriesPerRequest: number | null;
  connectTimeout?: number;
  retryStrategy?: () => null;
}

/**
 * Commands wait for Redis rather than fail: BullMQ gives a queue up for good when its first command does. Producers look at
 * `ready` before they give a command, so nothing piles up while Redis is away.
 */
const patient: Connecting = { maxRetriesPerRequest: null, connectTimeout: 5000 };

/**
 * The queues in Redis, their keys under `name`. URLs: `redis://` and `rediss://`;
 * `redis+sentinel://[:password@]host:port,host:port/master`; `redis+cluster://[:password@]host:port,host:port`.
 */
export function openRedisStore(url: string, name: string, log: Log): Store {
  // A hash tag, so that a cluster keeps all keys in one slot: BullMQ's scripts touch several at once.
  const prefix = `{${name}}`;
  const connections: (Redis | Cluster)[] = [];
  const open = () => {
    const connection = connect(url, patient);
    // Queues and workers report trouble as their own events; this one only must not end the process.
    connection.on('error', (error: Error) => log.debug({ err: error }, 'redis connection'));
    connections.push(connection);
    return connection;
  };
  const producer = open();
  return {
    patienceMs: 500,
    ready: () => producer.status === 'ready',
    onReady: (listener) => void producer.on('ready', listener),
    open: (queue) => new Queue(queue, { connection: producer, prefix }),
    openWorker: (queue, processor, options) =>
      new Worker(queue, processor, { ...options, connection: open(), prefix }),
    close: async () => {
      for (const connection of connections) connection.disconnect();
    },
  };
}

function connect(url: string, options: Connecting): Redis | Cluster {
  const multiple = /^redis\+(sentinel|cluster):\/\/(?::([^@]*)@)?([^/]+)(?:\/(.+))?$/.exec(url);
  if (!multiple) return new Redis(url, options);
  const [, kind, password, hosts, master] = multiple as unknown as [
    string,
    string,
    string | undefined,
    string,
    string | undefined,
  ];
  const nodes = hosts.split(',').map((entry) => {
    const { hostname, port } = new URL(`redis://${entry}`);
    return { host: hostname, port: Number(port) || (kind === 'sentinel' ? 26379 : 6379) };
  });
  const secret = password ? { password: decodeURIComponent(password) } : {};
  if (kind === 'sentinel')
    return new Redis({
      ...{ ...options, ...secret, sentinels: nodes, name: master ?? 'mymaster' },
      sentinelRetryStrategy: (attempt) => Math.min(attempt * 50, 2000),
    });
  return new Cluster(nodes, { redisOptions: { ...options, ...secret } });
}

/**
 * Looks at Redis before work is trusted to it. Evicting keys loses jobs silently, so any other policy than noeviction
 * stops the start. A Redis that does not answer stops nothing: rows are accepted and nudged when it is back.
 */
export async function checkRedis(url: string, log: Log): Promise<void> {
  const connection = connect(url, {
    maxRetriesPerRequest: 1,
    connectTimeout: 2000,
    retryStrategy: () => null,
  });
  connection.on('error', () => undefined);
  const readings = async () => ({
    policy: await setting(connection, 'maxmemory-policy'),
    aof: await setting(connection, 'appendonly'),
  });
  try {
    // A cluster or its sentinels are looked for over and over: that must not keep the start.
    const { policy, aof } = await within(lookMs, readings());
    if (policy === undefined)
      log.warn('Redis does not tell its settings: make sure that maxmemory-policy is noeviction');
    else if (policy !== 'noeviction') {
      throw new ConfigError([
        `REDIS_URL has maxmemory-policy ${policy}, which drops jobs when memory is short: set it to noeviction.`,
      ]);
    }
    if (aof === 'no')
      log.warn(
        'Redis keeps no append-only file: after a crash every queue is rebuilt from the database, which takes a minute. Set appendonly yes.',
      );
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    log.warn({ err: error }, 'Redis does not answer: work is accepted and taken up when it does');
  } finally {
    connection.disconnect();
  }
}

const lookMs = 3000;

/** undefined where CONFIG is not allowed, as on managed Redis. */
async function setting(connection: Redis | Cluster, name: string): Promise<string | undefined> {
  try {
    const [, value] = (await connection.call('CONFIG', 'GET', name)) as [string, string];
    return value;
  } catch (error) {
    if (/unknown command|NOPERM|not allowed/i.test((error as Error).message)) return undefined;
    throw error;
  }
}
