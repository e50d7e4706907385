import { afterAll, describe, it } from 'vitest';
import { documents, expectAllEnded, postAll } from '../support/caravan.ts';
import { expectConsistentStores } from '../support/consistency.ts';
import { createClient } from '../support/http.ts';
import { launch, type ServiceProcess } from '../support/process.ts';
import { createStores, type Stores } from '../support/stores.ts';
import { onlyWhere } from '../support/tier.ts';
import { waitFor } from '../support/wait-for.ts';

const launched: ServiceProcess[] = [];
const opened: Stores[] = [];
afterAll(async () => {
  for (const child of launched) await child.kill('SIGKILL');
  for (const stores of opened) await stores.remove();
});

describe.each(['TEST_REDIS_SENTINEL_URL', 'TEST_REDIS_CLUSTER_URL'])('the Redis of %s', (variable) => {
  it('carries the queues like a single one', async (test) => {
    onlyWhere(test, 'there is a Redis');
    const url = process.env[variable];
    test.skip(!url, `${variable} is not set; .ci/services up prints it`);
    const stores = await createStores();
    opened.push(stores);
    const environment: Record<string, string> = { ...stores.environment, REDIS_URL: url as string };
    const child = launch('workers/start.ts', { ...environment, PORT: '0' });
    launched.push(child);
    const address = await child.says(/DT-RAG is ready: (http:\S+)\/docs/);
    const client = createClient(address, environment.ADMIN_API_KEY as string);
    const connected = async () => (await client.get('/health')).body.redis === 'connected';
    await waitFor('the service to reach it', connected);
    await expectAllEnded(client, await postAll(client));
    await child.kill('SIGTERM');
    await expectConsistentStores(environment, documents.length);
  }, 480_000);
});
