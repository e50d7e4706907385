import { createClient, type Json } from '../../support/http.ts';
import { waitFor } from '../../support/wait-for.ts';
import { allTiers, type Fault, type Scene } from '../fault.ts';
import { adminKey } from '../product.ts';

const path = '/api/v1/admin/embeddings/generations';
const withinMs = 300_000;

export const embeddingModelChange: Fault = {
  name: 'embedding-model-change',
  says: 'all processes are started again with another embedding model (768 instead of 384 dimensions), which is built and switched to, then rolled back',
  tiers: allTiers,
  secondModel: true,
  inject: async (scene, n) => {
    const forth = n % 2 === 0;
    if (!forth) await rollBack(scene);
    await restart(scene, forth ? 'gemini' : 'local');
    if (forth) await switchTo(scene, 'gemini');
  },
};

/** The key stays: the generation that is not live is kept complete by every process. */
async function restart({ product, standIn }: Scene, provider: string): Promise<void> {
  for (const member of product.members) {
    const { pid } = member;
    member.extra = {
      EMBEDDING_PROVIDER: provider,
      GEMINI_API_KEY: 'a-key-for-the-stand-in',
      GEMINI_BASE_URL: standIn?.url as string,
    };
    await member.signal('SIGTERM');
    await member.replaced(pid);
  }
  await product.ready();
}

/** Whoever starts first begins to build it; search must go on by meaning until the very switch, and after it. */
async function switchTo(scene: Scene, provider: string): Promise<void> {
  const client = createClient(scene.product.url(), adminKey);
  await waitFor(
    'the other generation is live',
    async () => {
      await expectSearch(scene);
      const { body } = await client.get(path);
      const other = body.items.find((item: Json) => item.provider === provider);
      if (other?.status !== 'ready' && other?.status !== 'standby') return false;
      return (await client.post(other.links.switch)).status === 200;
    },
    { withinMs, everyMs: 200 },
  );
  await expectSearch(scene);
}

async function rollBack(scene: Scene): Promise<void> {
  const client = createClient(scene.product.url(), adminKey);
  await waitFor(
    'the first generation is live again',
    async () => {
      const { body } = await client.get(path);
      const live = body.items.find((item: Json) => item.status === 'live');
      return (await client.post(live.links.rollback)).status === 200;
    },
    { withinMs, everyMs: 200 },
  );
  await expectSearch(scene);
}

async function expectSearch({ product, exceeded }: Scene): Promise<void> {
  const client = createClient(product.url(), adminKey);
  const { status, text, body } = await client.post('/api/v1/search', { q: 'caravan', search_mode: 'vector' });
  if (status !== 200) exceeded(`a search failed with ${status}: ${text.slice(0, 200)}`);
  else if (body.hits.length === 0) exceeded('a search by meaning found nothing');
}
