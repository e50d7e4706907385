import { afterAll, describe, expect, it } from 'vitest';
import { documents, documentsReady, expectAllEnded, postAll } from '../support/caravan.ts';
import { expectConsistentStores } from '../support/consistency.ts';
import { createClient } from '../support/http.ts';
import { launch, type ServiceProcess } from '../support/process.ts';
import { deleteQueues } from '../support/server.ts';
import { createStores, type Stores } from '../support/stores.ts';
import { onlyWhere } from '../support/tier.ts';

const launched: ServiceProcess[] = [];
let stores: Stores | undefined;
afterAll(async () => {
  for (const child of launched) await child.kill('SIGKILL');
  await stores?.remove();
});

async function start(environment: Record<string, string>) {
  const child = launch('workers/start.ts', { ...environment, PORT: '0' });
  launched.push(child);
  const url = await child.says(/DT-RAG is ready: (http:\S+)\/docs/);
  return { child, client: createClient(url, environment.ADMIN_API_KEY as string) };
}

describe('a Redis that is gone for good', () => {
  it('needs nothing but a restart without REDIS_URL: everything that was accepted is finished, once', async (test) => {
    onlyWhere(test, 'there is a Redis');
    stores = await createStores();
    const { REDIS_URL, QUEUE_PREFIX, ...withoutRedis } = stores.environment;
    expect(REDIS_URL).toBeDefined();
    const first = await start(stores.environment);
    const posted = await postAll(first.client);
    await documentsReady(first.client, posted, 5);
    await first.child.kill('SIGKILL');
    await deleteQueues(QUEUE_PREFIX as string);

    const second = await start(withoutRedis);
    expect((await second.client.get('/health')).body.tier).toBe('postgres');
    await expectAllEnded(second.client, posted);
    await second.child.kill('SIGTERM');
    await expectConsistentStores(withoutRedis, documents.length);
  }, 480_000);
});
