import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRandom } from '../chaos/random.ts';
import {
  addDocuments,
  ask,
  type Client,
  type Json,
  startService,
  type TestService,
} from '../support/service.ts';

const questions = Number(process.env.CONFINED_QUESTIONS ?? 500);
const seed = Number(process.env.TAXONOMY_SEED ?? 8);
const atOnce = 4;
const taxonomy = '/api/v1/taxonomy';

let service: TestService;
let admin: Client;
beforeAll(async () => {
  service = await startService({ ANSWER_CACHE_TTL_SECONDS: '600' });
  admin = service.admin;
});
afterAll(() => service.stop());

const topics = ['tides', 'bridges', 'violins', 'orchards', 'glaciers', 'lanterns'];

it(`confines ${questions} questions to their branch, whatever is edited meanwhile (seed ${seed})`, async () => {
  const random = createRandom(seed);
  const items = Array.from({ length: 60 }, (_, n) => {
    const path = Array.from({ length: 1 + (n % 3) }, () => random.pick(['North', 'South', 'East', 'West']));
    return {
      text: `Report ${n} on ${topics[n % 6]}: they were seen in ${path.join(' and ')}.`,
      taxonomy_path: path,
    };
  });
  const documents = await addDocuments(admin, items);
  let places = new Map<string, string[]>(documents.map(({ id, taxonomy_path }: Json) => [id, taxonomy_path]));
  for (let asked = 0; asked < questions; asked += atOnce) {
    if (asked % 100 === 0 && asked > 0) places = await editSomething(random, documents);
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        const path = random.pick([...places.values(), ['Elsewhere']]).slice(0, 1 + random.int(3));
        const answer = await ask(admin, {
          ...{ question: `Where were ${random.pick(topics)} seen?`, abstain_below: 0 },
          filters: { canonical_in: [path] },
        });
        for (const { document_id } of answer.sources) {
          const place = places.get(document_id) as string[];
          expect(
            path.every((label, n) => place[n] === label),
            `${place} for ${path}`,
          ).toBe(true);
        }
      }),
    );
  }
}, 1_800_000);

/** Renames or moves a node; where each document is to be found then. */
async function editSomething(random: ReturnType<typeof createRandom>, documents: Json[]) {
  const { items } = (await admin.get(`${taxonomy}/versions`)).body;
  const inForce = items.find((item: Json) => item.in_force).version;
  const { nodes } = (await admin.get(`${taxonomy}/${inForce}/tree`)).body;
  const node = random.pick<Json>(nodes);
  const label = random.pick(['North', 'South', 'East', 'West', 'Middle']);
  const edited =
    random.int(2) === 0
      ? await admin.call('PATCH', `${taxonomy}/nodes/${node.id}`, { json: { label } })
      : await admin.post(`${taxonomy}/nodes/${node.id}/move`, {
          parent_id: random.pick([null, random.pick<Json>(nodes).id]),
        });
  expect([200, 409]).toContain(edited.status);
  const published = await admin.post(`${taxonomy}/versions`, { reason: 'by chance' });
  expect([201, 409]).toContain(published.status);
  const shown = await Promise.all(documents.map(({ id }) => admin.get(`/api/v1/documents/${id}`)));
  return new Map<string, string[]>(shown.map(({ body }) => [body.id, body.taxonomy_path]));
}
