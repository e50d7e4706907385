import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GeminiStandIn, startGeminiStandIn } from '../support/gemini-stand-in.ts';
import {
  addDocuments,
  ask,
  type Client,
  createKey,
  type Json,
  startService,
  type TestService,
} from '../support/service.ts';

const assistants = '/api/v1/admin/assistants';
const question = 'How many days of leave do people get?';

let service: TestService;
let standIn: GeminiStandIn;
let reader: Client;
let office: Json;
let plant: Json;
beforeAll(async () => {
  standIn = await startGeminiStandIn();
  service = await startService({ GEMINI_API_KEY: 'a-key', GEMINI_BASE_URL: standIn.url });
  reader = (await createKey(service, { scope: 'read' })).client;
  await addDocuments(service.admin, [
    { taxonomy_path: ['Office', 'Leave'], text: 'In the office people get twenty days of leave each year.' },
    { taxonomy_path: ['Office', 'Rooms'], text: 'In the office there are nine rooms.' },
    { taxonomy_path: ['Plant'], text: 'In the plant people get thirty days of leave each year.' },
  ]);
  office = await create({ name: 'Office', canonical_in: [['Office']], strategy: 'keyword' });
  plant = await create({ name: '공장', canonical_in: [['Plant']] });
});
afterAll(async () => {
  await service?.stop();
  await standIn?.close();
});

async function create(fields: Json): Promise<Json> {
  const { status, body, text } = await service.admin.post(assistants, fields);
  expect(status, text).toBe(201);
  return body;
}
const pathsOf = ({ sources }: Json): string[] =>
  sources.map(({ taxonomy_path }: Json) => taxonomy_path.join('/'));
const search = async (client: Client, request: Json): Promise<string[]> =>
  (await client.post('/api/v1/search', { q: question, ...request })).body.hits.map((hit: Json) =>
    hit.taxonomy_path.join('/'),
  );

describe('an assistant', () => {
  it('confines a question to its scope, searches as it is set, and is named in the answer', async () => {
    const answer = await ask(reader, { question, abstain_below: 0, assistant: 'Office' });
    expect(answer.assistant).toEqual({ id: office.id, name: 'Office' });
    expect(answer.retrieval.strategy).toBe('keyword');
    expect(pathsOf(answer)).toEqual(['Office/Leave']);
    const other = await ask(reader, { question, abstain_below: 0, assistant: plant.id });
    expect(pathsOf(other)).toEqual(['Plant']);
    expect(await search(reader, { assistant: '공장' })).toEqual(['Plant']);
    // A question may narrow its scope, never widen it.
    expect(await search(reader, { assistant: 'Office', canonical_in: [['Plant']] })).toEqual([]);
    expect(await search(reader, { assistant: 'Office', canonical_in: [['Office', 'Rooms']] })).toEqual([
      'Office/Rooms',
    ]);
    expect((await ask(reader, { question })).assistant).toBeUndefined();
  });

  it('tells the language model what its operator wants', async () => {
    const wishes = 'Address the reader as a colleague.';
    await service.admin.call('PATCH', `${assistants}/${plant.id}`, { json: { instructions: wishes } });
    const before = standIn.requests.length;
    await ask(reader, { question: 'How many days of leave in the plant?', assistant: '공장' });
    const sent = JSON.stringify(standIn.requests.slice(before).map(({ body }) => body));
    expect(sent).toContain(wishes);
    expect(sent).not.toContain('twenty');
  });

  it('holds a key that is bound to it, whatever that asks', async () => {
    const key = await createKey(service, { scope: 'read', assistant_id: office.id });
    expect(pathsOf(await ask(key.client, { question, abstain_below: 0 }))).toEqual(['Office/Leave']);
    expect(await search(key.client, {})).not.toContain('Plant');
    const refused = await key.client.post('/api/v1/answers', { question, assistant: '공장' });
    expect([refused.status, refused.body.errors[0].pointer]).toEqual([403, '/assistant']);
    const known = await key.client.get('/api/v1/assistants');
    expect(known.body.items.map(({ name }: Json) => name)).toEqual(['Office']);
    expect((await service.admin.get(`${assistants}/${office.id}`)).body.bound_keys).toBe(1);
    expect((await service.admin.delete(`${assistants}/${office.id}`)).body.code).toBe('conflict');
    expect((await service.admin.delete(`/api/v1/admin/api-keys/${key.id}`)).status).toBe(200);
  });

  it('reports what it covers, and what it could not answer', async () => {
    for (const asked of ['Who feeds the dragon?', 'who feeds  the dragon?'])
      await ask(reader, { question: asked, assistant: 'Office' });
    const { body } = await service.admin.get(`${assistants}/${office.id}/report?days=7`);
    expect(body.coverage).toMatchObject({
      ...{ documents: 2, cited: 1, chunks: 2 },
      paths: [{ path: ['Office'], documents: 2, cited: 1 }],
    });
    const { asked, answered, abstained, underway } = body.questions;
    expect([answered, abstained, underway]).toEqual([2, 2, 0]);
    expect(asked).toBe(4);
    expect(body.gaps).toMatchObject([{ question: 'who feeds  the dragon?', asked: 2 }]);
  });

  it('is refused where its name is taken or unknown, and goes once nobody is bound to it', async () => {
    const again = await service.admin.post(assistants, { name: 'Office' });
    expect([again.status, again.body.errors[0].pointer]).toEqual([409, '/name']);
    const unknown = await reader.post('/api/v1/search', { q: question, assistant: 'Nobody' });
    expect([unknown.status, unknown.body.errors[0].pointer]).toEqual([404, '/assistant']);
    const bound = await service.admin.post('/api/v1/admin/api-keys', {
      ...{ name: 'Bound', scope: 'read', assistant_id: '00000000-0000-4000-8000-000000000000' },
    });
    expect([bound.status, bound.body.errors[0].pointer]).toEqual([422, '/assistant_id']);
    expect((await service.admin.delete(`${assistants}/${office.id}`)).status).toBe(204);
    expect((await service.admin.get(`${assistants}/${office.id}`)).status).toBe(404);
  });
});
