import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flagKeys } from '../../src/flags.ts';
import { queueNames } from '../../src/jobs/job.ts';
import { version } from '../../src/version.ts';
import {
  addDocument,
  ask,
  createKey,
  type Json,
  startService,
  type TestService,
} from '../support/service.ts';
import { holdsHere, tier } from '../support/tier.ts';

const metricsToken = 'scrape-me-if-you-can';
let service: TestService;
beforeAll(async () => {
  service = await startService({
    METRICS_TOKEN: metricsToken,
    FEATURE_META_PLANNER: 'true',
    FEATURE_DEBATE_MODE: '1',
    AUTO_CREATE_TAXONOMY: 'false',
    BOARD_READ_ONLY: 'false',
  });
  await addDocument(service.admin, { text: 'The lighthouse keeper counts the ships.' });
  await ask(service.admin, { question: 'What does the lighthouse keeper count?' });
});
afterAll(() => service.stop());

describe('/health', () => {
  it('tells how everything is', async () => {
    const reply = await service.anonymous.get('/health');
    expect(reply.status).toBe(200);
    expect(reply.headers.get('cache-control')).toBe('no-store');
    expect(reply.body).toMatchObject({
      ...{ status: 'healthy', database: 'connected' },
      redis: holdsHere('there is a Redis') ? 'connected' : 'not_configured',
      ...{ version, environment: 'testing', tier },
      checks: { database: { status: 'ok' }, queues: { status: 'ok' }, workers: { status: 'ok' } },
    });
    expect(Object.keys(reply.body.queues).sort()).toEqual([...queueNames].sort());
    for (const queue of Object.values<Json>(reply.body.queues)) {
      expect(queue).toMatchObject({ waiting: expect.any(Number), active: expect.any(Number), workers: 1 });
      expect(Object.keys(queue).sort()).toEqual([
        'active',
        'delayed',
        'failed',
        'oldest_waiting_seconds',
        'waiting',
        'workers',
      ]);
    }
    expect(Math.abs(Date.parse(reply.body.timestamp) - Date.now())).toBeLessThan(60_000);
  });

  it('has a probe for life and one for readiness', async () => {
    expect(await service.anonymous.get('/health/live')).toMatchObject({
      status: 200,
      body: { status: 'live' },
    });
    expect(await service.anonymous.get('/health/ready')).toMatchObject({
      status: 200,
      body: { status: 'ready' },
    });
  });

  it('comes with the headers that browsers are to obey', async () => {
    const { headers } = await service.anonymous.get('/health');
    expect(headers.get('x-powered-by')).toBeNull();
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toContain("script-src 'self'");
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('/metrics', () => {
  const scrape = (token?: string) =>
    service.anonymous.get(
      '/metrics',
      token === undefined ? {} : { headers: { Authorization: `Bearer ${token}` } },
    );

  it('asks for its token', async () => {
    expect((await scrape()).status).toBe(401);
    expect((await scrape('another-token')).status).toBe(401);
    expect((await scrape(service.adminKey)).status).toBe(401);
    expect((await scrape(metricsToken)).status).toBe(200);
  });

  it('tells the recall of search by meaning once it was measured', async () => {
    const { body } = await service.admin.get('/api/v1/admin/vector-recall?k=3&samples=2');
    const [measured] = body.items;
    expect(measured).toMatchObject({ k: 3, samples: 2, indexed: false, recall: 1 });
    expect(measured.exact_ms.p95).toBeGreaterThanOrEqual(measured.exact_ms.p50);
    const { text } = await scrape(metricsToken);
    expect(text).toContain(`rag_vector_recall{model="${measured.model}"} 1\n`);
    expect((await service.admin.get('/api/v1/admin/vector-recall?k=0')).body.errors[0].pointer).toBe(
      '/query/k',
    );
  });

  it('is Prometheus text with every series declared once', async () => {
    const { text, headers } = await scrape(metricsToken);
    expect(headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const declared = (kind: string) =>
      [...text.matchAll(new RegExp(`^# ${kind} (\\S+)`, 'gm'))].map(([, name]) => name);
    const helps = declared('HELP');
    expect(new Set(helps).size).toBe(helps.length);
    expect(declared('TYPE')).toEqual(helps);
    for (const line of text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))) {
      expect(line).toMatch(
        /^[a-zA-Z_:][\w:]*(\{([a-zA-Z_]\w*="([^"\\]|\\.)*",?)*\})? (-?[\d.]+(e[+-]?\d+)?|[+-]Inf|Nan)$/,
      );
      const name = /^[\w:]+/.exec(line)?.[0] as string;
      expect(helps, line).toContain(helps.includes(name) ? name : name.replace(/_(bucket|sum|count)$/, ''));
    }
  });

  it('has counted what happened', async () => {
    const { text } = await scrape(metricsToken);
    for (const series of [
      /^http_request_duration_seconds_count\{.*route="\/api\/v1\/documents",status="202"\} \d+$/m,
      /^rag_job_duration_seconds_count\{.*job="ingestDocument",outcome="ok"\} [1-9]/m,
      /^rag_job_duration_seconds_count\{.*job="answerQuestion",outcome="ok"\} [1-9]/m,
      /^rag_job_wait_seconds_count\{.*job="embedChunks"\} [1-9]/m,
      /^rag_answer_step_seconds_count\{step="retrieve",outcome="ok"\} [1-9]/m,
      /^rag_answers_total\{outcome="(answered|abstained)",strategy="hybrid",model="extractive"\} 1$/m,
      /^rag_search_duration_seconds_count\{.*cache="miss"\} [1-9]/m,
      /^rag_documents_total\{outcome="ready",.*\} 1$/m,
      /^rag_chunks_embedded_total\{model="[^"]+"\} 1$/m,
      /^rag_queue_jobs\{queue="answer",state="waiting"\} \d+$/m,
      /^rag_queue_oldest_waiting_seconds\{queue="ingestion"\} \d+$/m,
      /^process_resident_memory_bytes \d+$/m,
      /^nodejs_eventloop_lag_seconds /m,
    ])
      expect(text).toMatch(series);
    expect(text, 'ids are no labels').not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-/);
  });
});

describe('/docs', () => {
  it('is served with all it needs, and needs nothing from elsewhere', async () => {
    const page = await service.anonymous.get('/docs');
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    expect(page.text).not.toMatch(/https?:|\/\/\w/);
    const assets = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path as string);
    expect(assets.length).toBeGreaterThanOrEqual(3);
    for (const path of assets) {
      const asset = await service.anonymous.get(path);
      expect([path, asset.status]).toEqual([path, 200]);
      expect(asset.text.length).toBeGreaterThan(100);
    }
    const document = /url: '([^']+)'/.exec(page.text)?.[1] as string;
    expect((await service.anonymous.get(document)).body.openapi).toMatch(/^3\.1/);
  });
});

describe('Bull Board', () => {
  const login = (password: string, name = 'anybody') => ({
    Authorization: `Basic ${btoa(`${name}:${password}`)}`,
  });

  it('asks for the admin key as password', async () => {
    const { anonymous, admin, adminKey } = service;
    const reply = await anonymous.get('/admin/queues');
    expect(reply.status).toBe(401);
    expect(reply.headers.get('www-authenticate')).toMatch(/^Basic realm=/);
    for (const headers of [
      login('wrong'),
      login(''),
      { Authorization: 'Basic ???' },
      { Authorization: `Bearer ${adminKey}` },
    ])
      expect((await anonymous.get('/admin/queues/api/queues', { headers })).status).toBe(401);
    expect((await admin.get('/admin/queues')).status, 'X-API-Key is for programs').toBe(401);
    const { key } = await createKey(service, { scope: 'read' });
    expect((await anonymous.get('/admin/queues', { headers: login(key) })).status).toBe(401);
    const page = await anonymous.get('/admin/queues', { headers: login(adminKey) });
    expect(page.status).toBe(200);
    expect(page.text).toContain('DT-RAG queues');
    // Its page links a font from elsewhere: the policy keeps browsers from fetching it.
    const policy = page.headers.get('content-security-policy') as string;
    for (const kind of ['script-src', 'style-src'])
      expect(policy).toMatch(new RegExp(`(^|;)${kind} [^;]*'self'`));
    expect(policy).not.toMatch(/(script|style)-src [^;]*https:/);
  });

  it('shows the five queues', async () => {
    const reply = await service.anonymous.get('/admin/queues/api/queues', {
      headers: login(service.adminKey),
    });
    expect(reply.status).toBe(200);
    expect(reply.body.queues.map(({ name }: Json) => name).sort()).toEqual([...queueNames].sort());
  });

  it('refuses writes that come from other sites', async () => {
    const path = '/admin/queues/api/queues/learning/pause';
    const put = async (headers: Record<string, string>) =>
      (await service.anonymous.call('PUT', path, { headers: { ...login(service.adminKey), ...headers } }))
        .status;
    expect(await put({ Origin: 'https://evil.example' })).toBe(403);
    expect(await put({ Origin: 'null' })).toBe(403);
    expect(await put({ 'Sec-Fetch-Site': 'cross-site' })).toBe(403);
    expect(await put({ 'Sec-Fetch-Site': 'same-site' })).toBe(403);
    expect(await put({ Origin: service.url, 'Sec-Fetch-Site': 'same-origin' })).toBe(200);
    const resumed = await service.anonymous.call('PUT', path.replace('pause', 'resume'), {
      headers: login(service.adminKey),
    });
    expect(resumed.status).toBe(200);
    const { items } = (await service.admin.get('/api/v1/admin/audit?target=/admin/queues')).body;
    expect(items.map(({ target }: Json) => target)).toEqual([path.replace('pause', 'resume'), path]);
  });
});

describe('flags', () => {
  const flags = '/api/v1/admin/flags';
  const read = async (key: string): Promise<Json> =>
    (await service.admin.get(flags)).body.items.find((flag: Json) => flag.key === key);

  it('are all listed, with where their value comes from', async () => {
    const { items } = (await service.admin.get(flags)).body;
    expect(items.map(({ key }: Json) => key)).toEqual(flagKeys);
    expect(await read('meta_planner')).toMatchObject({
      enabled: true,
      source: 'env',
      default: false,
      updated_at: null,
    });
    expect(await read('mcp_tools')).toMatchObject({ enabled: false, source: 'default' });
    for (const { description } of items) expect(description).toMatch(/^[A-Z].*\.$/);
  });

  it('can be set over the environment, killed, and set again', async () => {
    const set = await service.admin.put(`${flags}/debate_mode`, {
      enabled: true,
      rollout_percent: 30,
      reason: 'try',
    });
    expect(set).toMatchObject({
      status: 200,
      body: {
        enabled: true,
        rollout_percent: 30,
        source: 'stored',
        reason: 'try',
        updated_by: 'ADMIN_API_KEY',
      },
    });
    expect(await read('debate_mode')).toEqual(set.body);
    const killed = await service.admin.post(`${flags}/debate_mode/kill`, { reason: 'harm' });
    expect(killed.body).toMatchObject({ enabled: false, source: 'kill', reason: 'harm' });
    await service.admin.put(`${flags}/debate_mode`, { enabled: true, reason: 'mended' });
    expect(await read('debate_mode')).toMatchObject({
      enabled: true,
      rollout_percent: 100,
      source: 'stored',
    });
    const off = await service.admin.put(`${flags}/meta_planner`, { enabled: false, reason: 'off' });
    expect(off.body).toMatchObject({ enabled: false, source: 'stored' });
  });

  it('that do not exist are not found, with the names of those that do', async () => {
    for (const reply of [
      await service.admin.put(`${flags}/no_such`, { enabled: true, reason: 'x' }),
      await service.admin.post(`${flags}/no_such/kill`, { reason: 'x' }),
    ]) {
      expect(reply).toMatchObject({ status: 404, body: { code: 'not_found' } });
      for (const key of flagKeys) expect(reply.body.detail).toContain(key);
    }
    expect((await service.admin.put(`${flags}/mcp_tools`, { enabled: true })).status, 'a reason is due').toBe(
      422,
    );
    expect(
      (await service.admin.put(`${flags}/mcp_tools`, { enabled: true, rollout_percent: 101, reason: 'x' }))
        .status,
    ).toBe(422);
    expect(await read('mcp_tools')).toMatchObject({ source: 'default' });
  });
});

describe('admin metrics', () => {
  it('say what the process and the corpus are like', async () => {
    const { body } = await service.admin.get('/api/v1/admin/metrics');
    expect(body).toMatchObject({
      corpus: { live_chunks: 1, documents: { ready: 1 } },
      cost: { llm_tokens: {}, cost_usd: 0 },
      learning: { capacity: 10_000 },
    });
    expect(body.requests.total).toBeGreaterThan(10);
    expect(body.requests.errors_4xx).toBeGreaterThan(0);
    expect(body.requests.errors_5xx).toBe(0);
    const { p50, p95, p99 } = body.latency_seconds;
    expect(p50).toBeGreaterThan(0);
    expect(p95).toBeGreaterThanOrEqual(p50);
    expect(p99).toBeGreaterThanOrEqual(p95);
    expect(Object.keys(body.queues).sort()).toEqual([...queueNames].sort());
    expect(body.flags.map(({ key }: Json) => key)).toEqual(flagKeys);
    expect(body.memory.rss_bytes).toBeGreaterThan(1e7);
  });
});

describe('clearing the cache', () => {
  it('takes a pattern, and means it literally but for * and ?', async () => {
    const clear = async (pattern?: string) => {
      const query = pattern === undefined ? '' : `?pattern=${encodeURIComponent(pattern)}`;
      return (await service.admin.delete(`/admin/cache/clear${query}`)).body.cleared;
    };
    await clear();
    for (const search_mode of ['hybrid', 'bm25', 'vector'])
      await service.admin.post('/api/v1/search', { q: 'lighthouse', search_mode });
    expect(await clear('answer:*')).toBe(0);
    expect(await clear('search:%')).toBe(0);
    expect(await clear('search_hybrid:*')).toBe(0);
    expect(await clear('search:keyword:*')).toBe(1);
    expect(await clear('search?vecto?:*')).toBe(1);
    expect(await clear('embedding:*'), 'the vector that two of them shared').toBe(1);
    expect(await clear('*')).toBe(1);
    expect(await clear()).toBe(0);
  });
});

describe('a taxonomy that does not grow by itself', () => {
  it('refuses documents under unknown paths, and stores nothing of them', async () => {
    const document = { text: 'Somewhere new.', taxonomy_path: ['Unknown', 'Path'] };
    for (const [path, body] of [
      ['/api/v1/documents', document],
      ['/api/v1/ingestion-batches', { items: [{ text: 'Fine.' }, document] }],
    ] as const) {
      const reply = await service.admin.post(path, body);
      expect(reply).toMatchObject({ status: 422, body: { code: 'unknown_taxonomy_path', retryable: false } });
      expect(reply.body.detail).toContain('AUTO_CREATE_TAXONOMY');
    }
    const rows = await service.sql.query(
      'select 1 from taxonomy_nodes union all select 1 from documents offset 1',
    );
    expect(rows).toEqual([]);
  });
});

describe('/', () => {
  it('says what this is and where to go on', async () => {
    const { body } = await service.anonymous.get('/');
    expect(body).toMatchObject({ name: 'dt-rag', version, environment: 'testing', tier });
    for (const path of Object.values<string>(body.links))
      expect([path, (await service.anonymous.get(path)).status]).not.toEqual([path, 404]);
  });
});
