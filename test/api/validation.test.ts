import { request } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { problemSchema } from '../../src/api/schemas.ts';
import { fileForm } from '../support/http.ts';
import { countRows, type Reply, startService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

const tables = [
  'documents',
  'document_versions',
  'blob_parts',
  'answers',
  'feedback',
  'ingestion_batches',
  'ingestion_items',
  'api_keys',
  'flag_overrides',
  'taxonomy_nodes',
  'idempotency_keys',
];
let before: Record<string, number>;
let mayStore = false;
beforeEach(async () => {
  mayStore = false;
  before = await countRows(service.sql, tables);
});
afterEach(async () => {
  if (!mayStore)
    expect(await countRows(service.sql, tables), 'a refused request stores nothing').toEqual(before);
});

const documents = '/api/v1/documents';
const answers = '/api/v1/answers';
const nowhere = '00000000-0000-4000-8000-000000000000';

function expectProblem(reply: Reply, status: number, code: string, pointer?: string): void {
  expect([reply.status, reply.body?.code], reply.text).toEqual([status, code]);
  expect(reply.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(problemSchema.strict().safeParse(reply.body).error).toBeUndefined();
  expect(reply.body.status).toBe(status);
  expect(reply.body.request_id).toBe(reply.headers.get('x-request-id'));
  expect(reply.body.detail).toMatch(/^\S.*$/s);
  expect(reply.text).not.toMatch(/node_modules|\.ts:|\n\s+at |select |insert |\/tmp\//i);
  if (pointer !== undefined)
    expect(reply.body.errors?.map((problem: { pointer: string }) => problem.pointer)).toContain(pointer);
}

const refused = async (path: string, json: unknown, pointer: string) =>
  expectProblem(await service.admin.post(path, json), 422, 'validation_failed', pointer);

describe('fields', () => {
  it.each([
    [answers, { question: 'x', colour: 'red' }, '/colour'],
    [answers, { question: 'x', filters: { 'a/b~c': 1 } }, '/filters/a/b~c'],
    ['/api/v1/search', { q: 'x', limit: 3 }, '/limit'],
    [documents, { text: 'x', tags: [] }, '/tags'],
    ['/api/v1/ingestion-batches', { items: [{ text: 'x' }, { text: 'x', y: 1 }] }, '/items/1/y'],
    ['/api/v1/admin/api-keys', { name: 'x', scope: 'read', key: 'mine' }, '/key'],
  ])('%s refuses the unknown one of %j', (path, json, pointer) => refused(path, json, pointer));

  it.each([
    [answers, { question: 5 }, '/question'],
    [answers, { question: 'x', mode: 'poem' }, '/mode'],
    [answers, { question: 'x', final_topk: 0 }, '/final_topk'],
    [answers, { question: 'x', final_topk: 51 }, '/final_topk'],
    [answers, { question: 'x', final_topk: 1.5 }, '/final_topk'],
    [answers, { question: 'x', strategy: 'random' }, '/strategy'],
    [answers, { question: 'x', deadline_ms: 99 }, '/deadline_ms'],
    [answers, { question: 'x', filters: { canonical_in: ['HR'] } }, '/filters/canonical_in/0'],
    [answers, { question: 'x', filters: { canonical_in: [[]] } }, '/filters/canonical_in/0'],
    [answers, { question: 'x', filters: { document_ids: ['no-uuid'] } }, '/filters/document_ids/0'],
    ['/api/v1/search', { q: 'x', max_results: 101 }, '/max_results'],
    ['/api/v1/search', { q: 'x', min_score: 2 }, '/min_score'],
    ['/api/v1/search', { q: 'x', search_mode: 'fuzzy' }, '/search_mode'],
    ['/api/v1/search', { q: ' \n' }, '/q'],
    [documents, { text: '' }, '/text'],
    [documents, { text: ' \n\t ' }, '/text'],
    [documents, { text: '\0\0' }, '/text'],
    [documents, { title: 'no text' }, '/text'],
    [documents, { url: 'gopher://example.org/' }, '/url'],
    [documents, { url: 'https://user:pass@example.org/' }, '/url'],
    [documents, { url: 'https://example.org/', text: 'x' }, '/url'],
    [documents, { text: 'x', source_url: 'not a url' }, '/source_url'],
    [documents, { text: 'x', language: 'Korean' }, '/language'],
    [documents, { text: 'x', priority: 11 }, '/priority'],
    [documents, { text: 'x', taxonomy_path: 'HR' }, '/taxonomy_path'],
    [documents, { text: 'x', taxonomy_path: ['HR', ''] }, '/taxonomy_path/1'],
    [documents, { text: 'x', metadata: [] }, '/metadata'],
    [documents, { text: 'x', metadata: { big: 'x'.repeat(17_000) } }, '/metadata'],
    ['/api/v1/ingestion-batches', { items: [] }, '/items'],
    ['/api/v1/ingestion-batches', { items: Array(1001).fill({ text: 'x' }) }, '/items'],
    ['/api/v1/admin/api-keys', { name: 'x', scope: 'root' }, '/scope'],
    ['/api/v1/admin/api-keys', { name: 'x', scope: 'read', expires_days: 366 }, '/expires_days'],
    ['/api/v1/admin/flags/debate_mode/kill', {}, '/reason'],
  ])('%s refuses %j', (path, json, pointer) => refused(path, json, pointer));

  it('names every problem at once', async () => {
    const reply = await service.admin.post(answers, { question: '', mode: 'poem', colour: 'red' });
    expectProblem(reply, 422, 'validation_failed');
    const pointers = reply.body.errors.map(({ pointer }: { pointer: string }) => pointer);
    expect(pointers.sort()).toEqual(['/colour', '/mode', '/question']);
  });

  it('refuses bodies that are no objects', async () => {
    for (const raw of ['null', '5', '"text"', '[]', 'true'])
      expectProblem(await postRaw(raw), 422, 'validation_failed', '');
    const empty = await service.admin.call('POST', answers);
    expectProblem(empty, 422, 'validation_failed', '');
    expectProblem(await postRaw(''), 422, 'validation_failed', '/q');
  });
});

describe('questions', () => {
  it('have 1 to 2,000 characters, under one name', async () => {
    await refused(answers, { question: '' }, '/question');
    await refused(answers, { question: '   ' }, '/question');
    await refused(answers, { question: 'x'.repeat(2001) }, '/question');
    await refused(answers, { q: 'one', question: 'other' }, '/q');
    await refused(answers, {}, '/q');
    mayStore = true;
    for (const question of ['x'.repeat(2000), '가'.repeat(2000), `${'x'.repeat(2000)}\n`])
      expect((await service.admin.post(answers, { question })).status).toBe(202);
  });
});

/** What Postgres can't hold, wherever a caller may send text. */
describe.each([
  ['NUL', 'a\0b'],
  ['half a surrogate pair', 'a\ud800b'],
])('%s', (_, text) => {
  it.each([
    [answers, { question: text }, '/question'],
    [answers, { question: 'x', filters: { canonical_in: [[text]] } }, '/filters/canonical_in/0/0'],
    [answers, { question: 'x', filters: { metadata: { a: text } } }, '/filters/metadata'],
    ['/api/v1/search', { q: text }, '/q'],
    [documents, { text: 'x', title: text }, '/title'],
    [documents, { text: 'x', external_id: text }, '/external_id'],
    [documents, { text: 'x', author: text }, '/author'],
    [documents, { text: 'x', source_url: `https://example.org/${text}` }, '/source_url'],
    [documents, { text: 'x', taxonomy_path: [text] }, '/taxonomy_path/0'],
    [documents, { text: 'x', metadata: { a: { b: [text] } } }, '/metadata'],
    [documents, { text: 'x', metadata: { [text]: 1 } }, '/metadata'],
    ['/api/v1/admin/api-keys', { name: text, scope: 'read' }, '/name'],
    ['/api/v1/admin/flags/debate_mode/kill', { reason: text }, '/reason'],
    [`/api/v1/answers/${nowhere}/feedback`, { rating: 1, comment: text }, '/comment'],
    [`/api/v1/answers/${nowhere}/feedback`, { rating: 1, reason: text }, '/reason'],
  ])('is refused by %s in %j', (path, json, pointer) => refused(path, json, pointer));

  it('is refused in queries, and does no harm in ids', async () => {
    const encoded = text.includes('\0') ? 'a%00b' : 'a%ED%A0%80b';
    const { admin } = service;
    if (text.includes('\0')) {
      expectProblem(await admin.get(`${documents}?external_id=${encoded}`), 422, 'validation_failed');
      expectProblem(
        await admin.post(`/api/v1/admin/cache/clear?pattern=${encoded}`),
        422,
        'validation_failed',
      );
    }
    expectProblem(
      await admin.get(`${documents}?cursor=${encoded}`),
      422,
      'validation_failed',
      '/query/cursor',
    );
    expect((await admin.get(`${documents}/${encoded}`)).status).toBeGreaterThanOrEqual(400);
    expect((await admin.get(`${documents}/${encoded}`)).status).toBeLessThan(500);
    expect((await admin.get(`/api/v1/taxonomy/${encoded}/tree`)).status).toBeLessThan(500);
  });

  it('in a document’s text costs nothing but itself', async () => {
    mayStore = true;
    const reply = await service.admin.post(documents, { text: `${text} and more` });
    expect(reply.status).toBe(202);
  });
});

describe('metadata', () => {
  it('may hold backslashes that look like NUL', async () => {
    mayStore = true;
    const reply = await service.admin.post(documents, { text: 'x', metadata: { path: '\\u0000' } });
    expect(reply.status, reply.text).toBe(202);
    expect(reply.body.metadata).toEqual({ path: '\\u0000' });
  });

  it('is refused when nested too deep, however deep', async () => {
    for (const depth of [30, 5_000, 200_000]) {
      const nested = `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
      if (nested.length > 1_000_000) continue;
      const reply = await postRaw(`{"text":"x","metadata":${nested}}`, documents);
      expectProblem(reply, 422, 'validation_failed', '/metadata');
    }
    const deep = '['.repeat(400_000) + ']'.repeat(400_000);
    expectProblem(await postRaw(deep), 422, 'validation_failed', '');
    expectProblem(await postRaw(`{"question":${deep}}`), 422, 'validation_failed', '/question');
    expectProblem(
      await postRaw(`{"text":"x","metadata":{"a":${deep}}}`, documents),
      422,
      'validation_failed',
      '/metadata',
    );
  });
});

const postRaw = (raw: string, path = answers, type = 'application/json') =>
  service.admin.call('POST', path, { raw, headers: { 'Content-Type': type } });

describe('bodies', () => {
  it('that are broken JSON are 400', async () => {
    for (const raw of ['{', '{"question": "x"', "{'question': 'x'}", '{"question": "x",}', 'hello'])
      expectProblem(await postRaw(raw), 400, 'malformed_json');
  });

  it('of more than 1 MB are 413, whether they say so or not', async () => {
    const json = JSON.stringify({ text: 'x'.repeat(1.1 * 1024 * 1024) });
    expectProblem(await postRaw(json, documents), 413, 'payload_too_large');
    const streamed = await service.admin.call('POST', documents, {
      raw: new Blob([json]).stream(),
      headers: { 'Content-Type': 'application/json' },
    });
    expectProblem(streamed, 413, 'payload_too_large');
    expect((await service.admin.get('/health')).status).toBe(200);
  });

  it('of another type are 415', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/xml',
      'application/octet-stream',
    ])
      expectProblem(await postRaw('question=x', answers, type), 415, 'unsupported_media_type');
    expectProblem(
      await postRaw('{"question":"x"}', answers, 'application/json; charset=latin1'),
      415,
      'unsupported_media_type',
    );
    const form = await service.admin.call('POST', answers, { form: fileForm({ name: 'x.txt', bytes: 'x' }) });
    expectProblem(form, 415, 'unsupported_media_type');
    const encoded = await service.admin.call('POST', answers, {
      raw: '{}',
      headers: { 'Content-Type': 'application/json', 'Content-Encoding': 'zstd2' },
    });
    expectProblem(encoded, 415, 'unsupported_media_type');
  });
});

describe('files', () => {
  const post = (form: FormData, path = documents) => service.admin.call('POST', path, { form });
  const multipart = (raw: string, boundary = 'edge') =>
    postRaw(raw, documents, `multipart/form-data; boundary=${boundary}`);
  const part = (disposition: string, content: string) =>
    `--edge\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n${content}\r\n`;

  it('must not be empty, missing, or several', async () => {
    expectProblem(await post(fileForm({ name: 'empty.txt', bytes: '' })), 422, 'validation_failed', '/file');
    const without = new FormData();
    without.set('title', 'no file');
    expectProblem(await post(without), 422, 'validation_failed', '/file');
    const two = fileForm({ name: 'one.txt', bytes: 'one' });
    two.append('file', new Blob(['two']), 'two.txt');
    expectProblem(await post(two), 422, 'validation_failed', '/file');
    const elsewhere = new FormData();
    elsewhere.set('document', new Blob(['x']), 'x.txt');
    expectProblem(await post(elsewhere), 422, 'validation_failed', '/document');
  });

  it('come with known fields only, and the same rules as JSON', async () => {
    const file = { name: 'x.txt', bytes: 'x' };
    const cases: [Record<string, string>, string][] = [
      [{ colour: 'red' }, '/colour'],
      [{ priority: 'high' }, '/priority'],
      [{ priority: '11' }, '/priority'],
      [{ taxonomy_path: 'HR/Leave' }, '/taxonomy_path'],
      [{ taxonomy_path: '"HR"' }, '/taxonomy_path'],
      [{ metadata: '[1]' }, '/metadata'],
      [{ metadata: '{"a":"\\u0000"}' }, '/metadata'],
      [{ metadata: '{"a":"\\ud800"}' }, '/metadata'],
      [{ metadata: `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}` }, '/metadata'],
      [{ title: 'a\0b' }, '/title'],
      [{ title: 'x'.repeat(501) }, '/title'],
      [{ language: 'Korean' }, '/language'],
    ];
    for (const [fields, pointer] of cases)
      expectProblem(await post(fileForm(file, fields)), 422, 'validation_failed', pointer);
    const two = fileForm(file, { external_id: 'both' });
    two.append('file', new Blob(['y']), 'y.txt');
    expectProblem(await post(two, '/api/v1/ingestion-batches'), 422, 'validation_failed', '/external_id');
  });

  it('must come in a whole form', async () => {
    expectProblem(await multipart(part('name="file"; filename="x.txt"', 'x')), 422, 'validation_failed', '');
    expectProblem(
      await multipart(`${part('name="file"; filename="x.txt"', 'x')}--other--`),
      422,
      'validation_failed',
      '',
    );
    expectProblem(await multipart('nothing of the kind'), 422, 'validation_failed', '');
    expectProblem(await postRaw('x', documents, 'multipart/form-data'), 422, 'validation_failed', '');
  });

  it('of more than the limit are 413, and the service goes on', async () => {
    const bytes = new Uint8Array(51 * 1024 * 1024).fill(120);
    expectProblem(await post(fileForm({ name: 'big.txt', bytes })), 413, 'payload_too_large');
    expect((await service.admin.get('/health')).status).toBe(200);
    const { status, problem, reused } = await streamUpload(service, bytes);
    expect(status).toBe(413);
    expect(problem.code).toBe('payload_too_large');
    expect(reused, 'the connection serves the next request').toBe(200);
  });

  it('may be abandoned half way', async () => {
    const { url, adminKey } = service;
    const headers = { 'X-API-Key': adminKey, 'Content-Type': 'multipart/form-data; boundary=edge' };
    for (const beginning of [
      '--edge\r\nContent-Dispo',
      part('name="file"; filename="x.txt"', 'x'.repeat(100_000)),
    ]) {
      await new Promise<void>((resolve) => {
        const outgoing = request(new URL(documents, url), {
          method: 'POST',
          headers: { ...headers, 'Content-Length': '1000000' },
        });
        outgoing.on('error', () => resolve());
        outgoing.write(beginning, () => outgoing.destroy(new Error('the client has gone')));
      });
    }
    expect((await service.admin.get('/health')).status).toBe(200);
  });
});

/** Streams a form without saying its length, then asks again on whatever connection is left. */
async function streamUpload({ url, adminKey }: TestService, bytes: Uint8Array) {
  const { Agent } = await import('node:http');
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const send = (
    path: string,
    method: string,
    headers: Record<string, string>,
    body?: (write: (chunk: Uint8Array | string) => Promise<void>) => Promise<void>,
  ) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const outgoing = request(
        new URL(path, url),
        { method, agent, headers: { 'X-API-Key': adminKey, ...headers } },
        (incoming) => {
          let text = '';
          incoming.on('data', (chunk) => {
            text += chunk;
          });
          incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text }));
        },
      );
      outgoing.on('error', reject);
      const write = (chunk: Uint8Array | string) =>
        new Promise<void>((next) => void (outgoing.write(chunk) ? next() : outgoing.once('drain', next)));
      (body?.(write) ?? Promise.resolve()).then(() => outgoing.end(), reject);
    });
  const type = { 'Content-Type': 'multipart/form-data; boundary=edge' };
  const { status, text } = await send('/api/v1/documents', 'POST', type, async (write) => {
    await write('--edge\r\nContent-Disposition: form-data; name="file"; filename="big.txt"\r\n\r\n');
    const step = 1024 * 1024;
    for (let at = 0; at < bytes.length; at += step) await write(bytes.subarray(at, at + step));
    await write('\r\n--edge--\r\n');
  });
  const after = await send('/health/live', 'GET', {});
  agent.destroy();
  return { status, problem: JSON.parse(text), reused: after.status };
}

describe('paths and queries', () => {
  it.each(['0', '201', '-1', '1.5', 'ten', '', '1e9'])('limit=%s is refused', async (limit) => {
    const reply = await service.admin.get(`${documents}?limit=${limit}`);
    expectProblem(reply, 422, 'validation_failed', '/query/limit');
  });

  const cursor = (text: string) => Buffer.from(text).toString('base64url');
  it.each([
    'x',
    '',
    '%%',
    cursor('1|1'),
    cursor(`1|${nowhere}`),
    cursor(`2026-01-01|${nowhere}`),
    cursor(`2026-01-01T00:00:00.000000Z|${'-'.repeat(36)}`),
    cursor(`99999-01-01T00:00:00.000000Z|${nowhere}`),
  ])('cursor=%s is refused', async (given) => {
    const reply = await service.admin.get(`${documents}?cursor=${encodeURIComponent(given)}`);
    expectProblem(reply, 422, 'validation_failed', '/query/cursor');
  });

  it('refuses unknown and repeated parameters', async () => {
    expectProblem(await service.admin.get(`${documents}?page=2`), 422, 'validation_failed', '/query/page');
    expectProblem(
      await service.admin.get(`${documents}?limit=1&limit=2`),
      422,
      'validation_failed',
      '/query/limit',
    );
    expectProblem(
      await service.admin.get(`${documents}?status=lost`),
      422,
      'validation_failed',
      '/query/status',
    );
  });

  it('finds nothing under ids and numbers that can’t be', async () => {
    for (const path of [
      `${documents}/no-uuid`,
      `${documents}/${nowhere}/versions/0/text`,
      `${documents}/${nowhere}/versions/99999999999/text`,
      `${documents}/${nowhere}/versions/one/text`,
      `${documents}/%E0%A4%A`,
      '/api/v1/nowhere',
      '/api/v2/documents',
      '/favicon.ico',
      '/docs/assets/../../package.json',
      '/docs/assets/%2e%2e/%2e%2e/package.json',
    ])
      expectProblem(await service.admin.get(path), 404, 'not_found');
    const far = await service.admin.get(`${documents}/${nowhere}/chunks?cursor=99999999999`);
    expectProblem(far, 422, 'validation_failed', '/query/cursor');
  });

  it('says which methods a path takes', async () => {
    for (const [method, path, allow] of [
      ['PUT', documents, 'GET, POST, DELETE'],
      ['PATCH', `${documents}/${nowhere}`, 'GET, DELETE'],
      ['GET', '/api/v1/search', 'POST'],
      ['GET', '/answer', 'POST'],
      ['POST', '/health', 'GET'],
      ['GET', `/api/v1/answers/${nowhere}/cancel`, 'POST'],
    ] as const) {
      const reply = await service.admin.call(method, path);
      expectProblem(reply, 405, 'method_not_allowed');
      const allowed = reply.headers.get('allow')?.split(', ').sort();
      expect(allowed).toEqual(allow.split(', ').sort());
    }
  });

  it('takes paths with and without a slash at the end', async () => {
    for (const path of ['/health', documents, '/api/v1/taxonomy/versions', '/docs', '/api/v1/openapi.json'])
      expect([path, (await service.admin.get(`${path}/`)).status]).toEqual([path, 200]);
  });
});

describe('X-Request-Id', () => {
  it('is the caller’s where it is a plain one, else made', async () => {
    const id = async (given?: string) => {
      const reply = await service.admin.get(
        `${documents}/${nowhere}`,
        given === undefined ? {} : { headers: { 'X-Request-Id': given } },
      );
      expectProblem(reply, 404, 'not_found');
      return reply.headers.get('x-request-id') as string;
    };
    const uuid = /^[0-9a-f-]{36}$/;
    expect(await id('order-17:a.b_c')).toBe('order-17:a.b_c');
    expect(await id()).toMatch(uuid);
    for (const odd of ['x'.repeat(129), 'a b', '{"x":1}', '<b>']) expect(await id(odd)).toMatch(uuid);
    expect((await service.anonymous.get('/health')).headers.get('x-request-id')).toMatch(uuid);
  });
});

describe('Idempotency-Key', () => {
  it('of more than 255 characters is refused', async () => {
    const reply = await service.admin.post(
      answers,
      { question: 'x' },
      { 'Idempotency-Key': 'k'.repeat(256) },
    );
    expectProblem(reply, 422, 'validation_failed', '/headers/idempotency-key');
  });

  it('is not used up by a refused request', async () => {
    const headers = { 'Idempotency-Key': 'used-later' };
    expectProblem(await service.admin.post(answers, { question: '' }, headers), 422, 'validation_failed');
    mayStore = true;
    expect((await service.admin.post(answers, { question: 'x' }, headers)).status).toBe(202);
  });
});
