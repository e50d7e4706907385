import { z } from 'zod';
import { bounded } from '../bounded.ts';
import type { LiveWorker } from '../db/heartbeats.ts';
import { AppError } from '../errors.ts';
import type { FlagService } from '../flag-service.ts';
import { staleMs } from '../flags/open-flags.ts';
import { queueNames } from '../jobs/job.ts';
import { version } from '../version.ts';
import type { ApiContext } from './app.ts';
import { type AnyRoute, route } from './route.ts';
import { timestamp } from './schemas.ts';

const connection = z.enum(['connected', 'disconnected', 'not_configured']);
const queueHealth = z.object({
  waiting: z.int(),
  active: z.int(),
  delayed: z.int(),
  failed: z.int(),
  oldest_waiting_seconds: z.number().nullable(),
  workers: z.int(),
});
const check = z.object({
  status: z.enum(['ok', 'warn', 'fail']),
  detail: z.string().optional(),
  ms: z.number().optional(),
});
const healthSchema = z
  .object({
    status: z.enum(['healthy', 'degraded', 'unhealthy']),
    database: connection,
    redis: connection,
    timestamp,
    version: z.string(),
    environment: z.string(),
    tier: z.string(),
    queues: z.record(z.string(), queueHealth),
    checks: z.record(z.string(), check),
  })
  .meta({ id: 'Health' });

/** Longest any check may keep /health waiting. */
const checkMs = 2000;

export function opsRoutes(context: ApiContext): AnyRoute[] {
  const { config, metrics, stopping } = context;
  const open = { method: 'get', scope: null, tag: 'operation' } as const;
  return [
    route({
      ...open,
      paths: ['/'],
      summary: 'What this is',
      responses: {
        200: {
          description: 'Name, version, links',
          schema: z.looseObject({ name: z.string(), version: z.string() }),
        },
      },
      handler: async () => ({
        status: 200,
        body: {
          name: 'dt-rag',
          version,
          description: 'Retrieval-augmented generation on queues',
          environment: config.ENVIRONMENT,
          tier: config.tier,
          links: {
            docs: '/docs',
            openapi: '/api/v1/openapi.json',
            health: '/health',
            metrics: '/metrics',
            queues: '/admin/queues',
          },
        },
      }),
    }),
    route({
      ...open,
      paths: ['/health'],
      summary: 'Whether the service can answer, and how its queues are',
      responses: {
        200: { description: 'It can', schema: healthSchema },
        503: { description: "It can't", schema: healthSchema },
      },
      handler: async () => {
        const body = await readHealth(context);
        return {
          status: body.status === 'unhealthy' ? 503 : 200,
          body,
          headers: { 'Cache-Control': 'no-store' },
        };
      },
    }),
    route({
      ...open,
      paths: ['/health/live'],
      summary: 'Whether the process lives',
      responses: { 200: { description: 'It does', schema: z.object({ status: z.literal('live') }) } },
      handler: async () => ({ status: 200, body: { status: 'live' } }),
    }),
    route({
      ...open,
      paths: ['/health/ready'],
      summary: 'Whether to send it traffic; fails from the first request to stop',
      responses: {
        200: { description: 'Yes', schema: z.object({ status: z.string() }) },
        503: { description: 'No', schema: z.object({ status: z.string() }) },
      },
      handler: async () => {
        if (stopping.aborted) return { status: 503, body: { status: 'stopping' } };
        const ok = await bounded(context.db.raw('select 1'), checkMs);
        return ok
          ? { status: 200, body: { status: 'ready' } }
          : { status: 503, body: { status: 'database_unavailable' } };
      },
    }),
    route({
      ...open,
      paths: ['/metrics'],
      summary: 'Prometheus text; asks for METRICS_TOKEN as Bearer when that is set',
      responses: { 200: { description: 'Metrics', schema: z.string(), mediaType: 'text/plain' } },
      handler: async ({ raw }) => {
        if (config.METRICS_TOKEN && raw.get('authorization') !== `Bearer ${config.METRICS_TOKEN}`) {
          throw new AppError('unauthenticated', 'Send METRICS_TOKEN as Authorization: Bearer.');
        }
        const text = await metrics.registry.metrics();
        return {
          status: 200,
          send: (response) => void response.type(metrics.registry.contentType).send(text),
        };
      },
    }),
  ];
}

async function readHealth({
  config,
  db,
  flags,
  queues,
  workers,
  stopping,
}: ApiContext): Promise<z.input<typeof healthSchema>> {
  const started = performance.now();
  const [database, depths, live] = await Promise.all([
    bounded(db.raw('select 1'), checkMs),
    queues.depths(),
    bounded(workers(), checkMs),
  ]);
  const ms = Math.round(performance.now() - started);
  const checks: z.input<typeof healthSchema>['checks'] = {
    database: database ? { status: 'ok', ms } : { status: 'fail', detail: 'The database does not answer.' },
    queues: depths
      ? { status: 'ok', ms }
      : {
          status: 'fail',
          detail: 'The store of the queues does not answer: work is accepted and taken up later.',
        },
    workers: workersCheck(live),
    flags: flagsCheck(flags),
    ...providerCheck(flags),
    ...llmCheck(live),
  };
  if (stopping.aborted) checks.stopping = { status: 'warn', detail: 'This process is shutting down.' };
  const worst = Object.values(checks).some(({ status }) => status !== 'ok');
  return {
    status: database ? (worst ? 'degraded' : 'healthy') : 'unhealthy',
    database: database ? 'connected' : 'disconnected',
    redis: config.REDIS_URL ? (depths ? 'connected' : 'disconnected') : 'not_configured',
    timestamp: new Date().toISOString(),
    version,
    environment: config.ENVIRONMENT,
    tier: config.tier,
    queues: Object.fromEntries(
      [...(depths ?? [])].map(([name, { completed: _, ...depth }]) => [
        name,
        { ...depth, workers: live?.filter(({ queues: taken }) => taken.includes(name)).length ?? 0 },
      ]),
    ),
    checks,
  };
}

function workersCheck(live: LiveWorker[] | undefined): z.input<typeof check> {
  const idle = queueNames.filter((name) => !live?.some(({ queues }) => queues.includes(name)));
  return idle.length === 0
    ? { status: 'ok' }
    : { status: 'warn', detail: `No worker takes ${idle.join(', ')}.` };
}

/** Flags are read twice a second; what was last known stands while that fails. */
function flagsCheck(flags: FlagService): z.input<typeof check> {
  const age = flags.ageMs();
  if (age <= staleMs) return { status: 'ok' };
  return { status: 'warn', detail: `The flags are as they were ${Math.round(age / 1000)} s ago.` };
}

/** Nothing where the stored values decide. */
function providerCheck(flags: FlagService): { flag_provider?: z.input<typeof check> } {
  const provider = flags.provider();
  if (!provider) return {};
  if (provider.answers) return { flag_provider: { status: 'ok' } };
  const detail = `The flag provider ${provider.name} does not answer: its last values stand, else the stored ones.`;
  return { flag_provider: { status: 'warn', detail } };
}

/** Nothing where no worker has a language model: answers then come from the sources by design. */
function llmCheck(live: LiveWorker[] | undefined): { llm?: z.input<typeof check> } {
  const conditions = (live ?? []).flatMap(({ models }) => Object.entries(models));
  if (conditions.length === 0) return {};
  const resting = conditions.filter(([, condition]) => condition !== 'closed');
  if (resting.length === 0) return { llm: { status: 'ok' } };
  const [model, condition] = resting[0] as [string, string];
  return {
    llm: {
      status: 'warn',
      detail: `${resting.length} of ${conditions.length} workers' models get no calls at present; ${model} is ${condition}.`,
    },
  };
}
