import { z } from 'zod';
import { corpusStatistics } from '../db/corpus.ts';
import { readLearning } from '../db/experiences.ts';
import { readSpending } from '../db/model-calls.ts';
import { cacheStatistics, clearCache } from '../db/query-cache.ts';
import { readHitRatios } from '../hit-ratios.ts';
import type { ApiContext } from './app.ts';
import type { Audit } from './audit.ts';
import { environmentAdmin } from './auth.ts';
import { percentile } from './percentile.ts';
import { type AnyRoute, route } from './route.ts';
import { storable } from './schemas.ts';

export function adminRoutes(context: ApiContext): AnyRoute[] {
  const { db } = context;
  const admin = { scope: 'admin', tag: 'admin' } as const;
  const clear = {
    ...admin,
    paths: ['/api/v1/admin/cache/clear', '/admin/cache/clear'] as const,
    summary:
      'Empty the caches of searches and answers for every process, or the entries whose key matches a pattern',
    query: z.strictObject({
      pattern: storable(z.string().min(1).max(200))
        .describe(
          '* and ? as in a shell; keys look like search:hybrid:<hash>, embedding:<model>:<hash> and answer:summary:<hash>',
        )
        .optional(),
    }),
    responses: { 200: { description: 'How many entries went', schema: z.object({ cleared: z.int() }) } },
    handler: async ({ query, audit }: { query: { pattern?: string | undefined }; audit: Audit }) => {
      const cleared = await clearCache(db, query.pattern);
      audit.note({ after: { pattern: query.pattern ?? null, cleared } });
      return { status: 200, body: { cleared } };
    },
  };
  return [
    route({ ...clear, method: 'post' }),
    route({ ...clear, method: 'delete' }),
    route({
      ...admin,
      method: 'get',
      paths: ['/api/v1/admin/metrics'],
      summary: 'The metrics of this process and the state of the corpus, as JSON',
      responses: { 200: { description: 'Metrics', schema: z.looseObject({}) } },
      handler: async () => ({ status: 200, body: await readMetrics(context) }),
    }),
  ];
}

async function readMetrics({ config, db, flags, metrics, queues }: ApiContext) {
  const http = (await metrics.httpSeconds.get()).values;
  const requests = http.filter((value) => value.metricName?.endsWith('_count'));
  const count = (values: typeof requests) => values.reduce((sum, { value }) => sum + value, 0);
  const depths = await queues.depths();
  const memory = process.memoryUsage();
  return {
    timestamp: new Date().toISOString(),
    requests: {
      total: count(requests),
      errors_4xx: count(requests.filter((v) => statusOf(v.labels) === 4)),
      errors_5xx: count(requests.filter((v) => statusOf(v.labels) === 5)),
    },
    latency_seconds: { p50: percentile(http, 0.5), p95: percentile(http, 0.95), p99: percentile(http, 0.99) },
    queues: depths ? Object.fromEntries(depths) : null,
    corpus: await corpusStatistics(db),
    cache: { ...(await cacheStatistics(db)), ...(await readHitRatios(metrics.cacheLookups)) },
    // The tokens of this process, the cost of today (UTC) in all.
    cost: {
      llm_tokens: await tokens(metrics.llmTokens),
      of_replays: { llm_tokens: await tokens(metrics.replayTokens) },
      cost_usd: (await readSpending(db, environmentAdmin.id)).day,
    },
    flags: (await flags.list()).map(({ key, enabled, rollout_percent, source }) => ({
      key,
      enabled,
      rollout_percent,
      source,
    })),
    learning: { ...(await readLearning(db)).buffer, capacity: config.EXPERIENCE_BUFFER_SIZE },
    memory: { rss_bytes: memory.rss, heap_used_bytes: memory.heapUsed },
    uptime_seconds: process.uptime(),
  };
}

function statusOf(labels: Record<string, unknown>): number {
  return Math.floor(Number(labels.status) / 100);
}

async function tokens(counter: ApiContext['metrics']['llmTokens']): Promise<Record<string, number>> {
  const { values } = await counter.get();
  return Object.fromEntries(values.map(({ labels, value }) => [`${labels.model}:${labels.kind}`, value]));
}
