import { afterAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { claimAnswer, completeAnswer } from '../../src/db/answers.ts';
import { openDatabase } from '../../src/db/connect.ts';
import { createLog } from '../../src/log.ts';
import { startTelling } from '../../workers/answer/telling.ts';
import { openEvents, type SentEvent } from '../support/events.ts';
import { createClient } from '../support/http.ts';
import { launch, type ServiceProcess } from '../support/process.ts';
import { createStores, type Stores } from '../support/stores.ts';
import { onlyWhere } from '../support/tier.ts';

const launched: ServiceProcess[] = [];
let stores: Stores | undefined;
afterAll(async () => {
  for (const child of launched) await child.kill('SIGKILL');
  await stores?.remove();
});

describe('a stream of events', () => {
  it('goes on at another API process, without gap or repetition, when its own is killed', async (test) => {
    onlyWhere(test, 'API and workers are processes of their own');
    stores = await createStores();
    const { environment } = stores;
    const headers = { 'X-API-Key': environment.ADMIN_API_KEY as string };
    const start = async () => {
      const child = launch('src/main.ts', { ...environment, PORT: '0' });
      launched.push(child);
      const url = await child.says(/"url":"(http:[^"]+)"/);
      return { child, client: createClient(url, environment.ADMIN_API_KEY) };
    };
    const [doomed, survivor] = await Promise.all([start(), start()]);
    const { body: answer } = await doomed.client.post('/api/v1/answers', {
      question: 'Who counts the ships?',
    });

    // This process is the worker, so that it is known what is told before and after the kill.
    const database = await openDatabase(readConfig(environment, 'worker'), (error) => {
      throw error;
    });
    const words = Array.from({ length: 40 }, (_, n) => `word${n} `);
    const got: SentEvent[] = [];
    try {
      const row = await claimAnswer(database.db, answer.id);
      if (!row) throw new Error('nothing to claim');
      const telling = startTelling(row, { db: database.db, log: createLog('silent') });
      const stream = await openEvents(doomed.client, answer.links.events, headers);
      for (const text of words.slice(0, 20)) {
        telling.report({ type: 'delta', data: { text } });
        telling.report({ type: 'step', data: { name: 'compose', ms: 1, outcome: 'ok' } });
      }
      while (got.length < 10) got.push((await stream.next()) as SentEvent);
      await doomed.child.kill('SIGKILL');
      await expect(stream.rest()).rejects.toThrow();

      const last = String(got.at(-1)?.id);
      const resumed = await openEvents(survivor.client, answer.links.events, {
        ...headers,
        'Last-Event-ID': last,
      });
      for (const text of words.slice(20)) telling.report({ type: 'delta', data: { text } });
      const result = { answer: 'The keeper.', abstained: false, sources: [] };
      await completeAnswer(database.db, row.id, row.token, result, {
        told: await telling.end(),
      });
      got.push(...(await resumed.rest()));
    } finally {
      await database.close();
    }
    expect(got.map(({ id }) => id)).toEqual(got.map((_, n) => n + 1));
    const draft = got.flatMap(({ event, data }) => (event === 'delta' ? [data.text] : []));
    expect(draft.join('')).toBe(words.join(''));
    expect(got.at(-1)).toMatchObject({ event: 'completed', data: { answer: 'The keeper.' } });
  });
});
