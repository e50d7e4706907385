import { randomInt } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { documents, documentsReady, expectAllEnded, postAll } from '../support/caravan.ts';
import { expectConsistentStores } from '../support/consistency.ts';
import { type Client, createClient } from '../support/http.ts';
import { launch, type ServiceProcess } from '../support/process.ts';
import { createStores, type Stores } from '../support/stores.ts';
import { onlyWhere } from '../support/tier.ts';

const adminKey = 'the-admin-key-of-this-journey';
const launched: ServiceProcess[] = [];
let stores: Stores;
beforeAll(async () => {
  stores = await createStores();
});
afterEach(async () => {
  for (const child of launched.splice(0)) await child.kill('SIGKILL');
});
afterAll(() => stores.remove());

function start(): ServiceProcess {
  const child = launch('workers/start.ts', {
    ...stores.environment,
    ...{ PORT: '0', ADMIN_API_KEY: adminKey, LOG_LEVEL: 'warn' },
  });
  launched.push(child);
  return child;
}

/** `npm start` as its own process, once it listens. */
async function startListening(): Promise<{ child: ServiceProcess; client: Client }> {
  const child = start();
  return { child, client: createClient(await child.says(/DT-RAG is ready: (http:\S+)\/docs/), adminKey) };
}

describe('a service that is killed', () => {
  it('finishes everything it had accepted, exactly once, after its restart', async () => {
    const first = await startListening();
    const posted = await postAll(first.client);
    // The moment is a state of the work: after so many of the documents are ready.
    const seed = Number(process.env.RESTART_SEED ?? randomInt(30));
    process.stdout.write(`RESTART_SEED=${seed}: killed when ${seed} documents are ready\n`);
    await documentsReady(first.client, posted, seed);
    await first.child.kill('SIGKILL');

    const second = await startListening();
    await expectAllEnded(second.client, posted);
    await second.child.kill('SIGTERM');
    expect(second.child.output()).not.toMatch(/"level":[56]0/);
    await expectConsistentStores(stores.environment, documents.length);
  }, 480_000);

  it('is alone in its directory', async (test) => {
    onlyWhere(test, 'a directory has one process');
    const { child } = await startListening();
    const refused = start();
    expect(await refused.ended).toBe(1);
    expect(refused.output()).toMatch(/DATA_DIR .+ is in use by another process/);
    await child.kill('SIGTERM');
  }, 180_000);
});
