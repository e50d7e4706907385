import { afterAll, beforeAll, expect, it } from 'vitest';
import { documents, postAll } from '../support/caravan.ts';
import { type GeminiStandIn, startGeminiStandIn } from '../support/gemini-stand-in.ts';
import { type Client, createClient } from '../support/http.ts';
import { launch, type ServiceProcess } from '../support/process.ts';
import { ended, type Json } from '../support/service.ts';
import { createStores, type Stores } from '../support/stores.ts';
import { waitFor } from '../support/wait-for.ts';

const adminKey = 'the-admin-key-of-this-journey';
const path = '/api/v1/admin/embeddings/generations';
const launched: ServiceProcess[] = [];
let stores: Stores;
let standIn: GeminiStandIn;
beforeAll(async () => {
  stores = await createStores();
  standIn = await startGeminiStandIn();
});
afterAll(async () => {
  for (const child of launched) await child.kill('SIGKILL');
  await standIn.close();
  await stores.remove();
});

async function start(
  environment: Record<string, string>,
): Promise<{ child: ServiceProcess; client: Client }> {
  const child = launch('workers/start.ts', {
    ...stores.environment,
    ...{ PORT: '0', ADMIN_API_KEY: adminKey, LOG_LEVEL: 'warn' },
    ...{ CHUNK_TOKENS: '60', CHUNK_OVERLAP_TOKENS: '10' },
    ...{ GEMINI_API_KEY: 'a-key-of-the-stand-in', GEMINI_BASE_URL: standIn.url },
    ...environment,
  });
  launched.push(child);
  return { child, client: createClient(await child.says(/DT-RAG is ready: (http:\S+)\/docs/), adminKey) };
}

const passagesAsked = () =>
  standIn.requests.reduce(
    (sum, { body }) =>
      sum + (body.requests ?? []).filter(({ taskType }) => taskType === 'RETRIEVAL_DOCUMENT').length,
    0,
  );

/** Killed with half of its vectors stored and requests under way; what is stored is not asked for again. */
it('a generation that was being built when everything was killed is built to its end', async () => {
  const first = await start({});
  const { batches } = await postAll(first.client);
  for (const batch of batches) expect((await ended(first.client, batch)).counts.completed).toBe(10);
  let answered = 0;
  standIn.script(({ body }) => {
    const passages = body.requests?.[0]?.taskType === 'RETRIEVAL_DOCUMENT';
    return passages && ++answered > 3 ? 'hang' : undefined;
  });
  // The start with another model begins to build it, nobody else.
  await first.child.kill('SIGTERM');
  const second = await start({ EMBEDDING_PROVIDER: 'gemini' });
  const generation = async (client: Client): Promise<Json> =>
    (await client.get(path)).body.items.find(({ provider }: Json) => provider === 'gemini');
  const half = await waitFor('three batches are stored and others hang', async () => {
    const now = await generation(second.client);
    return now?.counts.embedded >= 150 && answered > 3 && now;
  });
  expect(half).toMatchObject({ status: 'building', counts: { chunks: expect.any(Number) } });
  expect(half.counts.missing).toBeGreaterThan(50);
  await second.child.kill('SIGKILL');

  standIn.script([]);
  const before = passagesAsked();
  const third = await start({ EMBEDDING_PROVIDER: 'gemini' });
  const built = await ended(third.client, half.links.self, 200_000);
  expect(built).toMatchObject({ status: 'ready', counts: { missing: 0, embedded: half.counts.chunks } });
  expect(built.counts.chunks).toBeGreaterThan(documents.length * 5);
  expect(passagesAsked() - before, 'only what was missing').toBe(half.counts.missing);
  const { body } = await third.client.post('/api/v1/search', { q: 'How far did the caravan walk?' });
  expect(body.generation.model, 'nobody has switched').not.toBe(built.model);
}, 480_000);
