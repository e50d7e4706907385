import type { Fault } from './fault.ts';
import { duplicateSubmit } from './faults/callers.ts';
import { embeddingModelChange } from './faults/model.ts';
import { randomOperations } from './faults/operations.ts';
import { listenDrop, poolHold, postgresImmediate } from './faults/postgres.ts';
import {
  apiSigkill,
  clockSkew,
  killAfterEffect,
  rollingSigterm,
  workerFreeze,
  workerSigkill,
} from './faults/processes.ts';
import {
  networkFreeze,
  redisFlushall,
  redisOom,
  redisSigkill,
  redisSigkillNoAof,
  redisStop,
} from './faults/redis.ts';

/** Every fault there is. */
export const faults: readonly Fault[] = [
  workerSigkill,
  apiSigkill,
  killAfterEffect,
  workerFreeze,
  rollingSigterm,
  duplicateSubmit,
  clockSkew,
  embeddingModelChange,
  randomOperations,
  postgresImmediate,
  listenDrop,
  poolHold,
  redisFlushall,
  redisSigkill,
  redisSigkillNoAof,
  redisStop,
  redisOom,
  networkFreeze,
];
