import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addDocuments, createKey, type Json, startService, type TestService } from '../support/service.ts';
import { waitFor } from '../support/wait-for.ts';

const suggestions = '/api/v1/taxonomy/suggestions';

let service: TestService;
let found: Json[];
const of = (kind: string): Json => found.find((one) => one.kind === kind) as Json;

/** Texts of one subject that all differ. */
const about = (subject: keyof typeof subjects, count: number, path?: string[]): Json[] =>
  Array.from({ length: count }, (_, i) => {
    const { who, does, what } = subjects[subject];
    const pick = (list: string[], step: number) => list[(i * step + step) % list.length];
    const text = `${pick(who, 1)} ${pick(does, 3)} ${pick(what, 5)}. Then ${pick(who, 7)} ${pick(does, 2)} ${pick(what, 3)}, number ${i}.`;
    return { title: `${subject} ${i}`, text, ...(path && { taxonomy_path: path }) };
  });
const subjects = {
  football: {
    who: ['The striker', 'The goalkeeper', 'Our midfielder', 'A defender', 'The football coach'],
    does: ['scored', 'saved', 'kicked', 'celebrated', 'trained for'],
    what: ['a late goal', 'the penalty in the stadium', 'the league match', 'the cup final', 'a free kick'],
  },
  cooking: {
    who: ['The cook', 'My grandmother', 'The chef', 'A baker', 'The kitchen helper'],
    does: ['simmered', 'roasted', 'seasoned', 'baked', 'stirred'],
    what: ['onion soup with garlic', 'a tomato sauce', 'bread in the oven', 'butter and flour', 'the stew'],
  },
  cars: {
    who: ['The driver', 'The mechanic', 'A car dealer', 'The garage', 'An engineer'],
    does: ['repaired', 'sold', 'tested', 'washed', 'parked'],
    what: ['the engine', 'a used car', 'the brakes', 'its new tyres', 'the gearbox'],
  },
  gardens: {
    who: ['The gardener', 'A botanist', 'My neighbour', 'The nursery', 'The florist'],
    does: ['planted', 'watered', 'pruned', 'grew', 'fertilised'],
    what: ['roses in the flower bed', 'young apple trees', 'the hedge', 'tulip bulbs', 'herbs in the soil'],
  },
};

beforeAll(async () => {
  // What nobody placed stays so.
  service = await startService({ CLASSIFY_DOCUMENTS: 'false' });
  await addDocuments(service.admin, [
    ...about('football', 16, ['Leisure']),
    ...about('cooking', 16, ['Leisure']),
    ...about('cars', 24).map((one, i) => ({ ...one, taxonomy_path: [i % 2 ? 'Cars' : 'Automobiles'] })),
    ...about('gardens', 12),
  ]);
  // A look that began earlier may have seen a part of the documents.
  found = await waitFor('there are suggestions of all documents', async () => {
    expect((await service.admin.post(`${suggestions}/refresh`)).status).toBe(202);
    const { items } = (await service.admin.get(`${suggestions}?status=open`)).body;
    const seen = (kind: string) => items.find((one: Json) => one.kind === kind)?.evidence.documents;
    return seen('split') === 32 && seen('merge') === 24 && seen('missing') === 12 && items;
  });
});
afterAll(() => service?.stop());

const preview = async (kind: string): Promise<Json> =>
  (await service.admin.get(`${suggestions}/${of(kind).id}`)).body;
const accept = (kind: string, json: Json) =>
  service.admin.post(`${suggestions}/${of(kind).id}/accept`, { reason: 'it is so', ...json });
const pathsOf = async (title: string): Promise<string[]> => {
  const { hits } = (await service.admin.post('/api/v1/search', { q: title, search_mode: 'bm25' })).body;
  return hits.find((hit: Json) => hit.source.title === title).taxonomy_path;
};

const listOpen = async (): Promise<Json[]> =>
  (await service.admin.get(`${suggestions}?status=open`)).body.items;

/** Waits for a look at the data that began after now: it finds the two nodes of one subject again. */
async function lookAgain(): Promise<void> {
  const seenAt = async () => (await listOpen()).find(({ kind }) => kind === 'merge')?.updated_at;
  for (const which of ['a look that may have begun before', 'one that has not']) {
    const before = await seenAt();
    await waitFor(which, async () => {
      await service.admin.post(`${suggestions}/refresh`);
      return (await seenAt()) !== before;
    });
  }
}

/** What people decided, by kind: a look at a part of the documents may have left an outdated one beside it. */
const decided = async (): Promise<Json> => {
  const { items } = (await service.admin.get(suggestions)).body;
  const rows = items.filter(({ status }: Json) => status === 'accepted' || status === 'rejected');
  expect(rows).toHaveLength(3);
  return Object.fromEntries(rows.map(({ kind, status }: Json) => [kind, status]));
};

describe('suggestions for the taxonomy', () => {
  it('see a node of two subjects, two nodes of one, and a subject without a node; and change nothing', async () => {
    expect(found.map(({ kind }) => kind).sort()).toEqual(['merge', 'missing', 'split']);
    const { evidence } = of('split');
    expect(evidence).toMatchObject({ path: ['Leisure'], documents: 32 });
    expect(evidence.prediction_strength).toBeGreaterThanOrEqual(0.8);
    expect(evidence.parts.map(({ documents }: Json) => documents)).toEqual([16, 16]);
    expect([of('merge').evidence.from.path, of('merge').evidence.into.path].sort()).toEqual([
      ['Automobiles'],
      ['Cars'],
    ]);
    expect(of('missing').evidence).toMatchObject({ documents: 12 });
    expect(Object.values((await preview('missing')).examples).join(' ')).toContain('gardens');
    expect(await preview('split')).toMatchObject({ preview: { edit: 'split', documents: [16, 16] } });
    expect(await preview('merge')).toMatchObject({ preview: { edit: 'merge', removed: 1 }, refused: null });
    const { nodes } = (await service.admin.get('/api/v1/taxonomy/1.0.0/tree')).body;
    expect(nodes.map(({ label }: Json) => label).sort()).toEqual(['Automobiles', 'Cars', 'Leisure']);
  });

  it('move documents once they are accepted and published', async () => {
    const first = of('split').evidence.parts[0].words.join(' ');
    const names = /goal|footbal|kick|coach|striker|leagu|cup/.test(first)
      ? ['Football', 'Cooking']
      : ['Cooking', 'Football'];
    expect((await accept('split', { labels: ['Only one'] })).body.errors[0].pointer).toBe('/labels');
    expect((await accept('split', { labels: names })).body.status).toBe('accepted');
    expect((await accept('missing', { labels: ['Gardens'] })).body.status).toBe('accepted');
    expect((await accept('missing', { labels: ['Gardens'] })).body.code).toBe('conflict');
    await lookAgain();
    expect((await listOpen()).map(({ kind }) => kind)).toEqual(['merge']);
    expect(await pathsOf('football 3')).toEqual(['Leisure']);
    const published = await service.admin.post('/api/v1/taxonomy/versions', { reason: 'suggested' });
    expect(published.status, published.text).toBeLessThan(300);
    expect(await pathsOf('football 3')).toEqual(['Football']);
    expect(await pathsOf('cooking 4')).toEqual(['Cooking']);
    await waitFor('the new node has its documents', async () => {
      await service.admin.post(`${suggestions}/refresh`);
      return (await pathsOf('gardens 5'))[0] === 'Gardens';
    });
  });

  it('are not made again once they are rejected, and are for admins alone', async () => {
    const { id } = of('merge');
    const rejected = await service.admin.post(`${suggestions}/${id}/reject`, { reason: 'kept apart' });
    expect(rejected.body).toMatchObject({ status: 'rejected', reason: 'kept apart' });
    expect(await decided()).toEqual({ split: 'accepted', missing: 'accepted', merge: 'rejected' });
    await service.admin.post(`${suggestions}/refresh`);
    const { client } = await createKey(service, { scope: 'write' });
    expect((await client.get(suggestions)).status).toBe(403);
    expect((await listOpen()).map(({ kind }) => kind)).not.toContain('merge');
  });
});
