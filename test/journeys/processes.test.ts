import { randomInt } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { documents, documentsReady, expectAllEnded, postAll } from '../support/caravan.ts';
import { expectConsistentStores } from '../support/consistency.ts';
import { createClient } from '../support/http.ts';
import { launch, type ServiceProcess } from '../support/process.ts';
import { createStores, type Stores } from '../support/stores.ts';
import { onlyWhere } from '../support/tier.ts';
import { waitFor } from '../support/wait-for.ts';

const launched: ServiceProcess[] = [];
let stores: Stores | undefined;
afterAll(async () => {
  for (const child of launched) await child.kill('SIGKILL');
  await stores?.remove();
});

function start(entry: string, environment: Record<string, string>): ServiceProcess {
  const child = launch(entry, environment);
  launched.push(child);
  return child;
}

describe('an API process and two workers, of which one is killed', () => {
  it('finish everything that was accepted, exactly once', async (test) => {
    onlyWhere(test, 'API and workers are processes of their own');
    stores = await createStores();
    const { environment } = stores;
    const api = start('src/main.ts', { ...environment, PORT: '0' });
    const [doomed, survivor] = [1, 2].map(() => start('workers/main.ts', environment)) as [
      ServiceProcess,
      ServiceProcess,
    ];
    const client = createClient(await api.says(/"url":"(http:[^"]+)"/), environment.ADMIN_API_KEY as string);
    await waitFor('both workers take every queue', async () => {
      const { body } = await client.get('/health');
      return Object.values<{ workers: number }>(body.queues).every(({ workers }) => workers === 2);
    });

    const posted = await postAll(client);
    const seed = Number(process.env.KILL_SEED ?? randomInt(30));
    process.stdout.write(
      `KILL_SEED=${seed}: one of two workers is killed when ${seed} documents are ready\n`,
    );
    await documentsReady(client, posted, seed);
    await doomed.kill('SIGKILL');

    await expectAllEnded(client, posted);
    for (const child of [survivor, api]) {
      await child.kill('SIGTERM');
      expect(await child.ended, child.output()).toBe(0);
      expect(child.output()).not.toMatch(/"level":[56]0/);
    }
    await expectConsistentStores(environment, documents.length);
  }, 480_000);
});
