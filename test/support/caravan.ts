import { expect } from 'vitest';
import type { Client } from './http.ts';
import { ended, type Json } from './service.ts';
import { waitFor } from './wait-for.ts';

/** Work for a journey: documents of two chunks each, and questions about them. */
export const documents = Array.from({ length: 40 }, (_, n) => ({
  external_id: `journal-${n}`,
  title: `Journal ${n}`,
  text: Array.from(
    { length: 25 },
    (_, day) =>
      `On day ${day} of journey ${n} the caravan walked ${n + day} kilometres and rested by well ${day * n}.`,
  ).join('\n'),
}));
export const questions = [7, 11, 13, 17, 19].map(
  (n) => `How far did the caravan walk on day 3 of journey ${n}?`,
);

/** Paths of what was accepted. */
export interface Posted {
  batches: string[];
  answers: string[];
}

export async function postAll(client: Client): Promise<Posted> {
  const post = async (path: string, body: unknown): Promise<string> => {
    const reply = await client.post(path, body);
    expect(reply.status, reply.text).toBe(202);
    return reply.body.links.self;
  };
  const batches: string[] = [];
  for (let i = 0; i < documents.length; i += 10)
    batches.push(await post('/api/v1/ingestion-batches', { items: documents.slice(i, i + 10) }));
  const answers: string[] = [];
  for (const question of questions) answers.push(await post('/api/v1/answers', { question }));
  return { batches, answers };
}

/** Resolves once so many of the documents can be found. */
export async function documentsReady(client: Client, { batches }: Posted, count: number): Promise<void> {
  const ready = async () => {
    const states: Json[] = await Promise.all(
      batches.map(async (path) => (await client.get(path)).body.counts),
    );
    return states.reduce((sum, { completed }) => sum + completed, 0);
  };
  await waitFor(`${count} documents are ready`, async () => (await ready()) >= count, {
    withinMs: 60_000,
    everyMs: 5,
  });
}

/** What a killed process held is free when its leases run out; requeueLost finds it then. Machines may be busy. */
const recoveryMs = 200_000;

/** Waits until all of it has ended as it should, and is learned. */
export async function expectAllEnded(client: Client, { batches, answers }: Posted): Promise<void> {
  for (const path of batches) {
    expect(await ended(client, path, recoveryMs)).toMatchObject({
      status: 'completed',
      counts: { total: 10, completed: 10, failed: 0, cancelled: 0 },
    });
  }
  for (const path of answers) {
    const { status } = await ended(client, path, recoveryMs);
    expect(['completed', 'expired']).toContain(status);
  }
  const learned = await waitFor(
    'everything is learned',
    async () => {
      const { body } = await client.get('/api/v1/admin/learning');
      return body.buffer.pending === 0 && body;
    },
    { withinMs: recoveryMs },
  );
  expect(learned.buffer.size).toBeLessThanOrEqual(questions.length);
}
