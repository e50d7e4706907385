import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Knex } from 'knex';
import { agreeOnGeneration } from './agree-on-generation.ts';
import { type ApiContext, createApp } from './api/app.ts';
import { drainable } from './api/drain.ts';
import { startApiHeartbeat } from './api-heartbeat.ts';
import { bounded } from './bounded.ts';
import { openCallers } from './callers/callers.ts';
import { type Classification, createClassification } from './classify/classification.ts';
import type { Config } from './config.ts';
import { countCases } from './db/case-bank.ts';
import { type Database, openDatabase } from './db/connect.ts';
import { liveWorkers } from './db/heartbeats.ts';
import { migrate } from './db/migrations.ts';
import { type Notifications, openNotifications } from './db/notifications.ts';
import { readOrphans } from './db/orphans.ts';
import { measureAgreement } from './db/review-tasks.ts';
import { readExposures } from './db/rollouts.ts';
import { readVectorRecall } from './db/vector-recall.ts';
import { pendingDeliveries } from './db/webhook-deliveries.ts';
import type { FlagService } from './flag-service.ts';
import { openFlags } from './flags/open-flags.ts';
import { chooseProvider } from './flags/providers.ts';
import { openQueues, type Queues } from './jobs/queues.ts';
import { migratePostgresStore } from './jobs/store-postgres.ts';
import { checkRedis } from './jobs/store-redis.ts';
import type { Log } from './log.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import {
  exportAgreement,
  exportCases,
  exportOrphans,
  exportQueues,
  exportRollouts,
  exportVectorRecall,
  exportWebhooks,
  exportWorkers,
} from './metrics-gauges.ts';
import { createEmbedderPool, type EmbedderPool } from './models/embedder-pool.ts';
import { openReranking } from './open-reranking.ts';
import type { Reranking } from './retrieval/rerank.ts';
import { createSearch, type Search } from './retrieval/search.ts';
import { loadSecrets } from './secrets.ts';
import type { Shutdown } from './shutdown.ts';
import { checkDatabase } from './startup-checks.ts';

/** What both kinds of process stand on. */
export interface Foundation {
  config: Config;
  log: Log;
  metrics: Metrics;
  database: Database;
  db: Knex;
  notifications: Notifications;
  queues: Queues;
  embedders: EmbedderPool;
  /** null: none is configured. */
  reranking: Reranking | null;
  search: Search;
  classification: Classification;
  flags: FlagService;
  shutdown: Shutdown;
}

/** Opens everything in order; each thing opened registers its own release. The embedded tier migrates itself. */
export async function openFoundation(config: Config, log: Log, shutdown: Shutdown): Promise<Foundation> {
  const metrics = createMetrics();
  const database = await openDatabase(config, (error) => {
    log.fatal({ err: error }, 'the embedded database is gone; stopping');
    process.exit(1);
  });
  shutdown.add('database', database.close);
  await prepareStores(config, database, log);
  const notifications = openNotifications(database.db, database.listen, log);
  shutdown.add('notifications', notifications.close);
  const { db, listen } = database;
  const provider = chooseProvider(config);
  const flags = await openFlags({ db, listen, log, metrics, envFlags: config.envFlags, provider });
  shutdown.add('flags', flags.close);
  const queues = openQueues(config, database, log, metrics);
  shutdown.add('queues', queues.close);
  const embedders = createEmbedderPool({
    provider: config.EMBEDDING_PROVIDER,
    ...(config.EMBEDDING_MODEL_DIR ? { modelDir: config.EMBEDDING_MODEL_DIR } : {}),
    ...(config.GEMINI_API_KEY ? { geminiApiKey: config.GEMINI_API_KEY } : {}),
    ...(config.GEMINI_BASE_URL ? { geminiBaseUrl: config.GEMINI_BASE_URL } : {}),
    geminiModel: config.EMBEDDING_MODEL,
    dimensions: config.EMBEDDING_DIMENSIONS,
  });
  shutdown.add('embedding models', embedders.close);
  await agreeOnGeneration({ config, db, embedders, enqueue: queues.enqueue, log });
  const reranking = await openReranking(config, log, shutdown);
  const search = createSearch({
    reranking,
    db,
    embedders,
    metrics,
    bm25: { k1: config.BM25_K1, b: config.BM25_B },
    cacheTtlSeconds: config.QUERY_CACHE_TTL_SECONDS,
    scopeCacheBytes: config.SCOPE_CACHE_MB * 2 ** 20,
    caseLookupMs: config.CASE_LOOKUP_MS,
  });
  return {
    config,
    log,
    metrics,
    database,
    db,
    notifications,
    queues,
    embedders,
    reranking,
    search,
    flags,
    classification: createClassification(db, embedders),
    shutdown,
  };
}

/** The embedded tier migrates itself; the others are looked at, and refused with what to do. */
async function prepareStores(config: Config, database: Database, log: Log): Promise<void> {
  if (config.tier === 'embedded') {
    const applied = await migrate(database.db, { alone: true });
    if (applied.length > 0) log.info({ applied }, 'migrated');
    await migratePostgresStore(database.openQueuePool());
    return;
  }
  await checkDatabase(database.db, log);
  if (config.REDIS_URL) await checkRedis(config.REDIS_URL, log);
}

/** Opens the door: resolves with its address once it listens. */
export async function openApi(
  foundation: Foundation,
): Promise<{ url: string; adminKey: string; adminKeyIsNew: boolean }> {
  const { config, db, log, metrics, queues, shutdown } = foundation;
  const secrets = await loadSecrets(config);
  const callers = openCallers(db, log, config);
  shutdown.add('callers', callers.close);
  const context: ApiContext = {
    ...foundation,
    secrets,
    callers,
    workers: () => liveWorkers(db),
    stopping: shutdown.signal,
  };
  exportQueues(metrics, async () =>
    [...((await queues.depths()) ?? [])].map(([queue, depth]) => {
      const { oldest_waiting_seconds: oldestWaitingSeconds, ...states } = depth;
      return { queue, states, oldestWaitingSeconds };
    }),
  );
  exportWorkers(metrics, () => bounded(liveWorkers(db), 2000));
  exportOrphans(metrics, () => bounded(readOrphans(db), 2000));
  exportRollouts(metrics, () => bounded(readExposures(db), 2000));
  exportVectorRecall(metrics, () => bounded(readVectorRecall(db), 2000));
  exportCases(metrics, () => bounded(countCases(db), 2000));
  exportAgreement(metrics, () => bounded(measureAgreement(db), 2000));
  exportWebhooks(metrics, () => bounded(pendingDeliveries(db), 2000));
  await startApiHeartbeat(foundation);
  const server = createServer(createApp(context));
  // Longer than load balancers keep an idle connection (60 s): who closes first must not be the one who is sent to.
  server.keepAliveTimeout = 65_000;
  // Batches are streamed for as long as they take; other bodies are timed by the application.
  server.requestTimeout = 0;
  const drain = drainable(server);
  server.listen(config.PORT, config.HOST);
  await once(server, 'listening');
  shutdown.add('http', () => drain(config.DRAIN_MS));
  const { port } = server.address() as AddressInfo;
  const url = `http://${config.HOST === '0.0.0.0' ? '127.0.0.1' : config.HOST}:${port}`;
  log.info({ url, tier: config.tier }, 'listening');
  return { url, adminKey: secrets.adminKey, adminKeyIsNew: secrets.adminKeyIsNew };
}
