import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { ApiContext } from '../../src/api/app.ts';
import type { AnyRoute } from '../../src/api/route.ts';
import { routes } from '../../src/api/routes.ts';
import { problemSchema } from '../../src/api/schemas.ts';
import { type GeminiStandIn, startGeminiStandIn } from '../support/gemini-stand-in.ts';
import { publishPreference } from '../support/policy-version.ts';
import {
  addDocument,
  ask,
  type Client,
  createKey,
  ended,
  type Json,
  type Reply,
  startService,
  type TestService,
} from '../support/service.ts';

// Routes close over their context and use it when called: to be read, they need none.
const declared = routes({} as ApiContext);

/** Ids of things that exist while the walk runs. */
interface Things {
  document: string;
  answer: string;
  batch: string;
  operation: string;
  key: string;
  generation: string;
  evaluation: string;
  webhook: string;
  delivery: string;
  case: string;
  assistant: string;
  rollout: string;
  suggestion: string;
  unwanted: string;
  /** Nodes of the taxonomy's draft. */
  nodes: string[];
  node: string;
  example: string;
  task: string;
}

interface Example {
  path?: (things: Things) => string;
  json?: unknown;
  /** Where the body names things. */
  body?: (things: Things) => unknown;
  query?: string;
}

const nowhere = '00000000-0000-4000-8000-000000000000';

/** A request that the route accepts, by `METHOD path`. A route without one fails the walk. */
const examples: Record<string, Example> = {
  'GET /': {},
  'GET /health': {},
  'GET /health/live': {},
  'GET /health/ready': {},
  'GET /metrics': {},
  'POST /api/v1/answers': { json: { question: 'Where is the tower?' } },
  'GET /api/v1/answers': {},
  'GET /api/v1/answers/{id}/events': { path: ({ answer }) => answer },
  'GET /api/v1/answers/{id}': { path: ({ answer }) => answer },
  'POST /api/v1/answers/{id}/cancel': { path: ({ answer }) => answer },
  'DELETE /api/v1/answers/{id}': { path: ({ answer }) => answer },
  'POST /api/v1/answers/{id}/feedback': { path: ({ answer }) => answer, json: { rating: 1 } },
  'POST /api/v1/answers/{id}/replay': { path: ({ answer }) => answer, json: { mode: 'recorded' } },
  'GET /api/v1/admin/answers/{id}/record': { path: ({ answer }) => answer },
  'POST /api/v1/search': { json: { q: 'tower' } },
  'POST /api/v1/documents': { json: { text: 'A second text.' } },
  'GET /api/v1/documents': {},
  'GET /api/v1/documents/{id}': { path: ({ document }) => document },
  'GET /api/v1/documents/{id}/versions': { path: ({ document }) => document },
  'GET /api/v1/documents/{id}/versions/{n}': { path: ({ document }) => document },
  'GET /api/v1/documents/{id}/versions/{n}/diff': { path: ({ document }) => document },
  'POST /api/v1/documents/{id}/versions/{n}/restore': { path: ({ document }) => document },
  'GET /api/v1/documents/{id}/versions/{n}/text': { path: ({ document }) => document },
  'GET /api/v1/documents/{id}/chunks': { path: ({ document }) => document },
  // Deleting nothing is 404; the document of the walk goes last.
  'DELETE /api/v1/documents/{id}': { path: ({ document }) => document },
  'DELETE /api/v1/documents': { query: '?external_id=named' },
  'POST /api/v1/documents/delete': { json: { external_id_prefix: 'doomed-' } },
  'POST /api/v1/ingestion-batches': { json: { items: [{ text: 'A third text.' }] } },
  'GET /api/v1/ingestion-batches': {},
  'GET /api/v1/ingestion-batches/{id}/events': { path: ({ batch }) => batch },
  'GET /api/v1/ingestion-batches/{id}': { path: ({ batch }) => batch },
  'GET /api/v1/ingestion-batches/{id}/items': { path: ({ batch }) => batch },
  'POST /api/v1/ingestion-batches/{id}/cancel': { path: ({ batch }) => batch },
  'POST /api/v1/ingestion-batches/{id}/retry': { path: ({ batch }) => batch },
  'GET /api/v1/operations/{id}': { path: ({ operation }) => operation },
  'GET /api/v1/taxonomy/versions': {},
  'GET /api/v1/taxonomy/{v}/tree': {},
  'GET /api/v1/taxonomy/suggestions': {},
  'GET /api/v1/taxonomy/suggestions/{id}': { path: ({ suggestion }) => suggestion },
  'POST /api/v1/taxonomy/suggestions/{id}/accept': {
    path: ({ suggestion }) => suggestion,
    json: { labels: ['Suggested'], reason: 'the walk' },
  },
  'POST /api/v1/taxonomy/suggestions/{id}/reject': {
    path: ({ unwanted }) => unwanted,
    json: { reason: 'the walk' },
  },
  'POST /api/v1/taxonomy/suggestions/refresh': {},
  'POST /api/v1/taxonomy/versions': { json: { reason: 'the walk' } },
  'POST /api/v1/taxonomy/rollback': { json: { target_version: '1.0.0', reason: 'the walk' } },
  'GET /api/v1/taxonomy/history': {},
  'GET /api/v1/taxonomy/{v}/diff/{base}': {},
  'GET /api/v1/taxonomy/{v}/validate': {},
  'GET /api/v1/taxonomy/{v}/statistics': {},
  'POST /api/v1/taxonomy/nodes': { json: { label: 'Of the walk', parent_path: ['Zero'] } },
  'PATCH /api/v1/taxonomy/nodes/{id}': { path: ({ nodes: [a = ''] }) => a, json: { description: 'Walked.' } },
  'POST /api/v1/taxonomy/nodes/{id}/move': { path: ({ nodes: [, b = ''] }) => b, json: { parent_id: null } },
  'POST /api/v1/taxonomy/nodes/{id}/merge': {
    path: ({ nodes: [, , c = ''] }) => c,
    body: ({ nodes }) => ({ target_id: nodes[0] }),
  },
  'POST /api/v1/taxonomy/nodes/{id}/split': {
    path: ({ nodes: [, , , d = ''] }) => d,
    json: { parts: [{ label: 'This' }, { label: 'That' }] },
  },
  'DELETE /api/v1/taxonomy/nodes/{id}': {
    path: ({ nodes: [, , , , e = ''] }) => e,
    query: '?children=delete',
  },
  'PUT /api/v1/taxonomy/nodes/{id}/parents/{parent}': { path: ({ nodes: [, , , , , f = ''] }) => f },
  'DELETE /api/v1/taxonomy/nodes/{id}/parents/{parent}': { path: ({ nodes: [, , , , , f = ''] }) => f },
  'DELETE /api/v1/taxonomy/draft': {},
  'GET /api/v1/taxonomy/{v}/export': {},
  'POST /api/v1/taxonomy/import': { json: { format: 'csv', content: 'path\nImported/Deeper\n' } },
  'POST /api/v1/classify': { json: { text: 'The tower of the harbour.' } },
  'POST /api/v1/classify/batch': { json: { items: [{ text: 'The tower.' }] } },
  'GET /api/v1/classify/hitl/tasks': {},
  'POST /api/v1/classify/hitl/tasks/{id}/assign': { path: ({ task }) => task, json: {} },
  'POST /api/v1/classify/hitl/tasks/{id}/review': { path: ({ task }) => task, json: { verdict: 'skip' } },
  'POST /api/v1/classify/hitl/reviews': { json: { items: [{ task_id: nowhere, verdict: 'skip' }] } },
  'GET /api/v1/classify/examples': {},
  'POST /api/v1/classify/examples': { json: { canonical: ['Buildings'], text: 'A text.' } },
  'DELETE /api/v1/classify/examples/{id}': { path: ({ example }) => example },
  'GET /api/v1/taxonomy/nodes/{id}/rules': { path: ({ node }) => node },
  'PUT /api/v1/taxonomy/nodes/{id}/rules': { path: ({ node }) => node, json: { rules: [] } },
  'GET /api/v1/admin/classification': {},
  'POST /api/v1/admin/api-keys': { json: { name: 'of the walk', scope: 'read' } },
  'GET /api/v1/admin/api-keys': {},
  'GET /api/v1/admin/api-keys/{id}': { path: ({ key }) => key },
  'GET /api/v1/admin/api-keys/{id}/usage': { path: ({ key }) => key },
  'PATCH /api/v1/admin/api-keys/{id}': { path: ({ key }) => key, json: { name: 'renamed' } },
  'POST /api/v1/admin/api-keys/{id}/rotate': { path: ({ key }) => key, json: { overlap_seconds: 3600 } },
  'DELETE /api/v1/admin/api-keys/{id}': { path: ({ key }) => key },
  'GET /api/v1/admin/audit': {},
  'GET /api/v1/admin/flags': {},
  'GET /api/v1/admin/flags/{key}': {},
  'GET /api/v1/admin/flags/{key}/history': {},
  'PUT /api/v1/admin/flags/{key}': { json: { enabled: true, reason: 'the walk' } },
  'POST /api/v1/admin/flags/{key}/kill': { json: { reason: 'the walk' } },
  'POST /ofrep/v1/evaluate/flags/{key}': { json: { context: { targetingKey: 'user-1' } } },
  'POST /ofrep/v1/evaluate/flags': { json: { context: { targetingKey: 'user-1' } } },
  'GET /api/v1/admin/rollouts/templates': {},
  'POST /api/v1/admin/rollouts': { json: { template: 'four-weeks', reason: 'the walk' } },
  'GET /api/v1/admin/rollouts': {},
  'GET /api/v1/admin/rollouts/{id}': { path: ({ rollout }) => rollout },
  'POST /api/v1/admin/rollouts/{id}/advance': {
    path: ({ rollout }) => rollout,
    json: { reason: 'the walk', force: true },
  },
  'POST /api/v1/admin/rollouts/{id}/pause': { path: ({ rollout }) => rollout, json: { reason: 'the walk' } },
  'POST /api/v1/admin/rollouts/{id}/resume': { path: ({ rollout }) => rollout, json: { reason: 'the walk' } },
  'POST /api/v1/admin/rollouts/{id}/rollback': {
    path: ({ rollout }) => rollout,
    json: { reason: 'the walk' },
  },
  'POST /api/v1/admin/embeddings/generations': { json: { provider: 'gemini', dry_run: true } },
  'GET /api/v1/admin/embeddings/generations': {},
  'GET /api/v1/admin/embeddings/generations/{id}': { path: ({ generation }) => generation },
  // In this order: what was switched to can be rolled back, and then be deleted.
  'POST /api/v1/admin/embeddings/generations/{id}/switch': { path: ({ generation }) => generation },
  'POST /api/v1/admin/embeddings/generations/{id}/rollback': { path: ({ generation }) => generation },
  'DELETE /api/v1/admin/embeddings/generations/{id}': { path: ({ generation }) => generation },
  'POST /api/v1/admin/evaluations': {
    json: { queries: [{ text: 'Where is the tower?', judgements: [{ external_id: 'tower' }] }] },
  },
  'GET /api/v1/admin/evaluations': {},
  'GET /api/v1/admin/evaluations/{id}': { path: ({ evaluation }) => evaluation },
  'DELETE /api/v1/admin/evaluations/{id}': { path: ({ evaluation }) => evaluation },
  'POST /api/v1/admin/cache/clear': {},
  'DELETE /api/v1/admin/cache/clear': {},
  'GET /api/v1/admin/learning': {},
  'PUT /api/v1/admin/learning': { json: { paused: false, reason: 'the walk' } },
  'GET /api/v1/admin/learning/policy': {},
  'POST /api/v1/admin/learning/evaluate': { json: { source: 'all' } },
  'POST /api/v1/admin/learning/policy/restore': { json: { version: 1, reason: 'the walk' } },
  'GET /api/v1/admin/metrics': {},
  'GET /api/v1/admin/tools': {},
  'GET /api/v1/admin/tools/calls': {},
  'GET /api/v1/admin/vector-recall': {},
  'GET /api/v1/admin/orphans': {},
  'GET /api/v1/admin/cases': {},
  'GET /api/v1/admin/cases/{id}': { path: (things) => things.case },
  'POST /api/v1/admin/cases/{id}/archive': { path: (things) => things.case },
  'POST /api/v1/admin/cases/{id}/restore': { path: (things) => things.case },
  'DELETE /api/v1/admin/cases/{id}': { path: (things) => things.case },
  'GET /api/v1/assistants': {},
  'POST /api/v1/admin/assistants': { json: { name: 'of the walk' } },
  'GET /api/v1/admin/assistants': {},
  'GET /api/v1/admin/assistants/{id}': { path: ({ assistant }) => assistant },
  'GET /api/v1/admin/assistants/{id}/report': { path: ({ assistant }) => assistant },
  'PATCH /api/v1/admin/assistants/{id}': {
    path: ({ assistant }) => assistant,
    json: { canonical_in: [['Towers']] },
  },
  'DELETE /api/v1/admin/assistants/{id}': { path: ({ assistant }) => assistant },
  'GET /api/v1/webhooks/signing-secret': {},
  'POST /api/v1/webhooks/signing-secret/rotate': { json: {} },
  'POST /api/v1/webhooks': { json: { url: 'https://hooks.example.org/', events: ['answer.failed'] } },
  'GET /api/v1/webhooks': {},
  'GET /api/v1/webhooks/{id}': { path: ({ webhook }) => webhook },
  'PATCH /api/v1/webhooks/{id}': { path: ({ webhook }) => webhook, json: { enabled: true } },
  'POST /api/v1/webhooks/{id}/rotate-secret': { path: ({ webhook }) => webhook, json: {} },
  'POST /api/v1/webhooks/{id}/ping': { path: ({ webhook }) => webhook },
  'GET /api/v1/webhooks/{id}/deliveries': { path: ({ webhook }) => webhook },
  'GET /api/v1/answers/{id}/webhook-deliveries': { path: ({ answer }) => answer },
  'GET /api/v1/webhook-deliveries/{id}': { path: ({ delivery }) => delivery },
  'POST /api/v1/webhook-deliveries/{id}/redeliver': { path: ({ delivery }) => delivery },
  // With its deliveries, so it goes last of all that has to do with it.
  'DELETE /api/v1/webhooks/{id}': { path: ({ webhook }) => webhook },
};

const named = (spec: AnyRoute, path: string = spec.paths[0]) => `${spec.method.toUpperCase()} ${path}`;

function pathOf(template: string, example: Example, things: Things): string {
  return template
    .replace('{id}', example.path?.(things) ?? nowhere)
    .replace('{n}', '1')
    .replace('{v}', '1.0.0')
    .replace('{base}', '1.0.0')
    .replace('{parent}', things.nodes[0] ?? nowhere)
    .replace('{key}', 'debate_mode')
    .concat(example.query ?? '');
}

function callOf({ json, body }: Example, things: Things): { json?: unknown } {
  if (body) return { json: body(things) };
  return json === undefined ? {} : { json };
}

/** The schema with every object closed: a field that is not documented is an error. */
function closed(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodObject) {
    const shape = Object.fromEntries(
      Object.entries(schema.shape).map(([name, inner]) => [name, closed(inner as z.ZodType)]),
    );
    return schema.def.catchall === undefined ? z.strictObject(shape) : z.looseObject(shape);
  }
  if (schema instanceof z.ZodArray) return z.array(closed(schema.element as z.ZodType));
  if (schema instanceof z.ZodNullable) return closed(schema.unwrap() as z.ZodType).nullable();
  if (schema instanceof z.ZodOptional) return closed(schema.unwrap() as z.ZodType).optional();
  return schema;
}

function checkReply(spec: AnyRoute, reply: Reply, what: string): void {
  const documented = spec.responses[reply.status];
  expect(documented, `${what} gave the undocumented ${reply.status}: ${reply.text}`).toBeDefined();
  if (!documented?.schema) {
    expect(reply.text, what).toBe('');
    return;
  }
  const type = documented.mediaType ?? 'application/json';
  expect(reply.headers.get('content-type'), what).toContain(type);
  const { error } = closed(documented.schema).safeParse(
    type === 'application/json' ? reply.body : reply.text,
  );
  expect(error && z.prettifyError(error), what).toBeUndefined();
}

describe('the OpenAPI document', () => {
  let service: TestService;
  let standIn: GeminiStandIn;
  let document: Json;
  let things: Things;
  let reader: Client;
  let writer: Client;

  beforeAll(async () => {
    standIn = await startGeminiStandIn();
    service = await startService({
      ...{ GEMINI_API_KEY: 'a-key-of-the-stand-in', GEMINI_BASE_URL: standIn.url },
      WEBHOOK_PRIVATE_ADDRESSES: 'allow',
    });
    const { admin } = service;
    document = (await service.anonymous.get('/api/v1/openapi.json')).body;
    const read = await createKey(service, { scope: 'read' });
    reader = read.client;
    writer = (await createKey(service, { scope: 'write' })).client;
    const text = 'The tower stands in Paris. It is 300 metres tall.';
    const first = await addDocument(admin, { text, title: 'Towers' });
    const doomed = await addDocument(admin, { text: 'Soon gone.' });
    await addDocument(admin, { text: 'Gone by its name.', external_id: 'named' });
    // Nothing listens there: its deliveries wait for their next try.
    const hook = await admin.post('/api/v1/webhooks', {
      url: 'https://127.0.0.1:9/',
      events: ['answer.completed'],
    });
    const answer = await ask(admin, { question: 'Where does the tower stand?' });
    const flag = '/api/v1/admin/flags/neural_case_selector';
    await admin.put(flag, { enabled: true, reason: 'for a case' });
    await admin.post(`/api/v1/answers/${answer.id}/feedback`, { rating: 1 });
    const batch = await admin.post('/api/v1/ingestion-batches', { items: [{ text: 'In a batch.' }] });
    const operation = (await admin.delete(`/api/v1/documents/${doomed.id}`)).body;
    await ended(admin, operation.links.self);
    const begun = await admin.post('/api/v1/admin/embeddings/generations', { provider: 'gemini' });
    const generation = await ended(admin, begun.body.links.self);
    const evaluated = await admin.post('/api/v1/admin/evaluations', {
      queries: [{ text: 'Where is the tower?', judgements: [{ document_id: first.id }] }],
    });
    await ended(admin, evaluated.body.links.self);
    await publishPreference(service.sql, 'hybrid:direct');
    const rollout = await admin.post('/api/v1/admin/rollouts', {
      ...{ name: 'of the walk', reason: 'the walk' },
      stages: [
        { name: 'a tenth', flags: { tools_policy: 10 } },
        { name: 'all', flags: { tools_policy: 100 } },
      ],
    });
    const nodes: string[] = [];
    for (const label of ['Zero', 'One', 'Two', 'Three', 'Four', 'Five'])
      nodes.push((await admin.post('/api/v1/taxonomy/nodes', { label })).body.node.id);
    await addDocument(admin, { text: 'A house.', taxonomy_path: ['Buildings'] });
    const taught = await admin.post('/api/v1/classify/examples', {
      canonical: ['Buildings'],
      text: 'A tower is a building.',
    });
    const [task] = await service.sql.query<{ id: string }>(
      `insert into review_tasks (document_id, node_id, confidence, priority) values ($1, $2, .5, .5) returning id`,
      [first.id, taught.body.node_id],
    );
    things = {
      nodes,
      rollout: rollout.body.id,
      node: taught.body.node_id,
      example: taught.body.id,
      task: (task as { id: string }).id,
      document: first.id,
      answer: answer.id,
      batch: batch.body.id,
      operation: operation.id,
      key: read.id,
      generation: generation.id,
      evaluation: evaluated.body.id,
      webhook: hook.body.webhook.id,
      case: (await admin.get('/api/v1/admin/cases')).body.items[0].id,
      assistant: (await admin.post('/api/v1/admin/assistants', { name: 'Asked' })).body.id,
      suggestion: await suggestNode('wanted'),
      unwanted: await suggestNode('unwanted'),
      delivery: (await admin.get(`${hook.body.webhook.links.self}/deliveries`)).body.items[0].id,
    };
  });
  /** As the job makes one of many documents, which the walk does not have; so new that the job leaves it. */
  async function suggestNode(about: string): Promise<string> {
    const [row] = await service.sql.query<{ id: string }>(
      `insert into taxonomy_suggestions (kind, node_ids, about, evidence, updated_at)
       values ('missing', '{}', $1, '{"documents": 0}', now() + interval '1 hour') returning id`,
      [about],
    );
    return (row as { id: string }).id;
  }
  afterAll(async () => {
    await service.stop();
    await standIn.close();
  });

  it('is valid 3.1', async () => {
    const result = await new Validator().validate(structuredClone(document));
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
    expect(document.openapi).toMatch(/^3\.1\./);
    expect(document.info.title).toBe('DT-RAG');
  });

  it('has every route, and nothing that is none', () => {
    const documented = Object.entries(document.paths as Record<string, object>).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const all = declared.flatMap((spec) => spec.paths.map((path) => named(spec, path)));
    expect(documented.sort()).toEqual(all.sort());
    const ids = Object.values(document.paths as Record<string, Record<string, Json>>).flatMap((item) =>
      Object.values(item).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('has an example here for every route', () => {
    expect(Object.keys(examples).sort()).toEqual(declared.map((spec) => named(spec)).sort());
  });

  it('refuses callers without a key, and with too small a scope, on every alias', async () => {
    const scopeless = { read: undefined, write: reader, admin: writer } as const;
    for (const spec of declared) {
      const example = examples[named(spec)] as Example;
      if (spec.scope === null) continue;
      for (const template of spec.paths) {
        const path = pathOf(template, example, things);
        const call = callOf(example, things);
        const unknown = await service.anonymous.call(spec.method.toUpperCase(), path, call);
        expect([named(spec, template), unknown.status]).toEqual([named(spec, template), 401]);
        expect(unknown.body).toMatchObject({ code: 'unauthenticated', status: 401, retryable: false });
        const small = scopeless[spec.scope];
        if (!small) continue;
        const refused = await small.call(spec.method.toUpperCase(), path, call);
        expect([named(spec, template), refused.status]).toEqual([named(spec, template), 403]);
        expect(problemSchema.strict().safeParse(refused.body).error).toBeUndefined();
      }
    }
  });

  it('is what really comes back, on every route and alias', async () => {
    const last = (spec: AnyRoute) =>
      spec.method === 'delete' && ['answers', 'assistants', 'documents', 'webhooks'].includes(spec.tag)
        ? 1
        : 0;
    for (const spec of [...declared].sort((a, b) => last(a) - last(b))) {
      const example = examples[named(spec)] as Example;
      for (const template of spec.paths) {
        const what = named(spec, template);
        const path = pathOf(template, example, things);
        const call = callOf(example, things);
        const reply = await service.admin.call(spec.method.toUpperCase(), path, call);
        expect(reply.status, `${what}: ${reply.text}`).toBeLessThan(300);
        checkReply(spec, reply, what);
        expect(reply.headers.get('x-request-id'), what).toBeTruthy();
        const slashed = path === '/' ? path : `${path}/`;
        if (spec.method === 'get') expect((await service.admin.get(slashed)).status, slashed).toBe(200);
      }
    }
  });

  it('tells of what does not exist with a problem document', async () => {
    const missing: Things = {
      document: nowhere,
      answer: nowhere,
      batch: nowhere,
      operation: nowhere,
      key: nowhere,
      generation: nowhere,
      evaluation: nowhere,
      webhook: nowhere,
      delivery: nowhere,
      case: nowhere,
      assistant: nowhere,
      rollout: nowhere,
      suggestion: nowhere,
      unwanted: nowhere,
      nodes: [],
      node: nowhere,
      example: nowhere,
      task: nowhere,
    };
    for (const spec of declared) {
      const example = examples[named(spec)] as Example;
      if (!example.path) continue;
      for (const id of [nowhere, 'no-uuid']) {
        const all = Object.fromEntries(Object.keys(missing).map((name) => [name, id])) as unknown as Things;
        const call = callOf(example, things);
        const path = pathOf(spec.paths[0], example, all);
        const reply = await service.admin.call(spec.method.toUpperCase(), path, call);
        expect([path, reply.status, reply.body?.code]).toEqual([path, 404, 'not_found']);
        expect(problemSchema.strict().safeParse(reply.body).error).toBeUndefined();
      }
    }
  });
});
