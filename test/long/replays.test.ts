import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRandom } from '../chaos/random.ts';
import { writeRegister } from '../support/register.ts';
import {
  addDocuments,
  ask,
  type Client,
  ended,
  type Json,
  startService,
  type TestService,
} from '../support/service.ts';

const count = Number(process.env.REPLAYS ?? 500);
const seed = Number(process.env.REPLAYS_SEED ?? randomInt(1_000_000));
const random = createRandom(seed);
/** So many are under way at a time. */
const lanes = 4;

let service: TestService;
let client: Client;
beforeAll(async () => {
  service = await startService();
  client = service.admin;
});
afterAll(() => service.stop());

const register = writeRegister(random, 200);
const askedOf = () => ({
  question: random.pick(register).question,
  mode: random.pick(['answer', 'summary', 'keypoints']),
  strategy: random.pick(['auto', 'hybrid', 'keyword', 'vector']),
  final_topk: 1 + random.int(8),
  merge_neighbours: random.next() < 0.3,
  expand: random.pick(['none', 'neighbours', 'section']),
  ...(random.next() < 0.2 ? { canonical_in: [random.pick(register).document.taxonomy_path] } : {}),
});

/** In their order, a few side by side. */
async function each<T, R>(list: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async () => {
    while (next < list.length) {
      const at = next;
      next += 1;
      results[at] = await work(list[at] as T);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}

async function replay(id: string, body: object): Promise<Json> {
  const reply = await client.post(`/api/v1/answers/${id}/replay`, body);
  expect(reply.status, reply.text).toBe(202);
  return ended(client, reply.body.links.self);
}

/** All of the answer that is not the row's: who asked it when, and under which id. */
function resultOf(answer: Json): Json {
  const { id, links, request_id, created_at, completed_at, expires_at, ...rest } = answer;
  const { diff, replay_of, replay_mode, ...result } = rest;
  return result;
}

it(`of ${count} answers each is the same as recorded, and finds the same anew while the corpus is`, async () => {
  process.stdout.write(`REPLAYS_SEED=${seed} REPLAYS=${count}\n`);
  await addDocuments(
    client,
    register.map(({ document }) => document),
  );
  await client.post('/api/v1/search', { q: 'the first search of a process is the slowest' });
  const answers = await each(Array.from({ length: count }, askedOf), (request) => ask(client, request));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(['completed']));
  expect(answers.filter(({ abstained }) => !abstained).length).toBeGreaterThan(count / 4);

  const recorded = await each(answers, ({ id }) => replay(id, { mode: 'recorded' }));
  expect(recorded.map(resultOf)).toEqual(answers.map(resultOf));
  expect(recorded.filter(({ diff }) => !diff.identical)).toEqual([]);

  const anew = await each(answers, ({ id }) => replay(id, { mode: 'reexecute', require_same_corpus: true }));
  const different = anew.filter(({ diff }) => !diff.identical || diff.changed.length > 0);
  expect(different.map(({ replay_of, steps, diff }) => ({ replay_of, steps, diff }))).toEqual([]);
}, 1_200_000);
