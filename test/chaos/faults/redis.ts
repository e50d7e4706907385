import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Fault, Scene } from '../fault.ts';
import { acked } from '../ledger.ts';
import { say } from '../say.ts';

const tiers = ['scale-out'] as const;

/** Nothing when it runs. */
async function startRedis({ services }: Pick<Scene, 'services'>): Promise<void> {
  await services.run('start-redis');
}

export const redisSigkill: Fault = {
  name: 'redis-sigkill',
  says: 'SIGKILL to a Redis that keeps an append-only file, then it is started again',
  tiers,
  ownServers: true,
  inject: async ({ services }) => {
    await services.run('kill-redis');
    await services.run('start-redis');
  },
  restore: startRedis,
};

export const redisSigkillNoAof: Fault = {
  name: 'redis-sigkill-no-aof',
  says: 'SIGKILL to Redis, which comes back empty',
  tiers,
  ownServers: true,
  inject: async ({ services }) => {
    await services.run('kill-redis');
    await services.run('start-redis', '--no-aof');
  },
  restore: async ({ services }) => {
    await services.run('stop-redis');
    await services.run('start-redis');
  },
};

export const redisFlushall: Fault = {
  name: 'redis-flushall',
  says: 'everything in the Redis database of the queues is gone (FLUSHDB: the same to the product, and harmless to others)',
  tiers,
  inject: async ({ stage }) => {
    await stage.redis?.flushdb();
  },
};

export const redisStop: Fault = {
  name: 'redis-stop-30s',
  says: 'Redis is stopped for 30 s: POST must still answer within 1 s, and all be done 15 s after its return',
  tiers,
  ownServers: true,
  inject: async (scene) => {
    const { services, ledger } = scene;
    await services.run('stop-redis');
    const from = performance.now();
    await pause(30_000);
    await services.run('start-redis');
    const to = performance.now();
    const during = acked(ledger).flatMap(({ ack }) => (ack && ack.at > from && ack.at < to ? [ack.ms] : []));
    const slowest = Math.max(...during);
    if (during.length === 0) scene.exceeded('nothing was accepted while Redis was stopped');
    if (slowest > 1000) scene.exceeded(`a POST took ${Math.round(slowest)} ms while Redis was stopped`);
    const seconds = await scene.drained();
    say(`slowest POST meanwhile ${Math.round(slowest)} ms, drained after ${seconds.toFixed(1)} s`);
    if (seconds > 15) scene.exceeded(`drained ${seconds.toFixed(1)} s after the return of Redis`);
  },
  restore: startRedis,
};

export const redisOom: Fault = {
  name: 'redis-oom',
  says: 'Redis is out of memory for 10 s: it refuses every write',
  tiers,
  ownServers: true,
  inject: async ({ stage }) => {
    const redis = stage.redis as Redis;
    const [, limit] = (await redis.config('GET', 'maxmemory')) as [string, string];
    await redis.config('SET', 'maxmemory', '1mb');
    await pause(10_000);
    await redis.config('SET', 'maxmemory', limit);
  },
  restore: async ({ stage }) => {
    await stage.redis?.config('SET', 'maxmemory', '0');
  },
};

export const networkFreeze: Fault = {
  name: 'network-freeze',
  says: 'Redis keeps its connections but answers nobody for 45 s (CLIENT PAUSE)',
  tiers,
  ownServers: true,
  inject: async ({ stage }) => {
    await stage.redis?.call('CLIENT', 'PAUSE', '45000', 'ALL');
    await pause(45_000);
  },
};
