import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Action } from '../../../src/learning/policy.ts';
import type { Levels } from '../../../src/learning/state.ts';
import { type RetrieveOptions, retrieve } from '../../../src/retrieval/retrieve.ts';
import { variantsOf } from '../../../src/retrieval/variants.ts';
import { addDocuments, latinEmbedder, openCorpus } from './corpus.ts';

let db: Knex;
let close: () => Promise<void>;
const embedder = latinEmbedder();
const documents = [
  { text: 'Annual leave is twenty five days a year. The calendar at intranet portal Zephyr shows it.' },
  { text: 'Zephyr, the intranet portal with its calendar, is down on Sundays.' },
  { text: 'Sick leave needs a certificate from the third day.' },
  { text: 'The cafeteria opens at eight and serves lunch.' },
  { text: '연차휴가는 일 년에 스물다섯 날이며 Zephyr portal 에서 신청한다.' },
  { text: '식당은 여덟 시에 엽니다.' },
];

beforeAll(async () => {
  ({ db, close } = await openCorpus());
  await addDocuments(db, documents, embedder);
});
afterAll(() => close());

const question = 'How many days of annual leave are there?';
const run = (asked: string, options: Partial<RetrieveOptions> = {}) =>
  retrieve(asked, { db, embedder }, { k: 6, strategy: 'hybrid', ...options });
const under = (action: Action, asked = question) => run(asked, { decide: () => action });
const scores = ({ passages }: Awaited<ReturnType<typeof run>>) =>
  passages.map(({ chunkSeq, score }) => [chunkSeq, score]);

describe('a decided retrieval', () => {
  it('is the usual one where hybrid is decided', async () => {
    expect(scores(await under('hybrid:direct'))).toEqual(scores(await run(question)));
  });

  it('is what the words find where those alone are to count', async () => {
    const { passages } = await under('keyword:direct');
    expect(passages.map(({ chunkSeq, score }) => [chunkSeq, score])).toEqual(
      scores(await run(question, { strategy: 'keyword' })),
    );
    expect(passages.every(({ keywordScore }) => (keywordScore ?? 0) > 0)).toBe(true);
  });

  it('leans on meaning where that is to weigh more', async () => {
    const usual = (await run(question)).analysis.vectorWeight;
    expect((await under('vector_heavy:direct')).analysis.vectorWeight).toBeGreaterThan(usual);
  });

  it('finds by the words of the best passages what the question has no word of', async () => {
    const asked = 'annual leave days a year';
    const direct = await under('keyword:direct', asked);
    const wide = await under('keyword:deliberate', asked);
    const found = ({ passages }: typeof direct) => passages.map(({ text }) => text);
    expect(found(direct)).not.toContain(documents[1]?.text);
    expect(found(wide)).toContain(documents[1]?.text);
    expect(found(wide)[0], 'what the question itself finds stays first').toBe(documents[0]?.text);
    const all = wide.passages.map(({ score }) => score);
    expect(all).toEqual([...all].sort((a, b) => b - a));
    for (const score of all) expect(score).toBeGreaterThan(0);
    for (const score of all) expect(score).toBeLessThanOrEqual(1);
  });

  it('is decided by what each leg found alone', async () => {
    const seen: Levels[] = [];
    const look = (levels: Levels): Action => {
      seen.push(levels);
      return 'hybrid:direct';
    };
    await run('annual leave twenty five days year', { decide: look });
    await run('quux zzyzx', { decide: look });
    await run('식당은 여덟 시에 엽니다', { decide: look });
    const [plain, unknown, korean] = seen as [Levels, Levels, Levels];
    expect(plain.keyword).toBeGreaterThan(unknown.keyword);
    expect(plain.vector).toBeGreaterThan(0);
    expect(unknown.keyword).toBe(0);
    expect(korean.keyword, 'words are found, its model reads no Korean').toBeGreaterThan(0);
    expect(korean.vector).toBe(0);
  });

  it('stands as the first pass found it where the time is spent', async () => {
    const { analysis, passages } = await run(question, { decide: () => 'hybrid:deliberate', withinMs: 0 });
    expect(analysis.notes).toContain('Second pass: out of time, left out.');
    expect(passages.length).toBeGreaterThan(0);
  });

  it('ends when its caller does', async () => {
    const stop = new AbortController();
    const decide = (): Action => {
      stop.abort(new Error('enough'));
      return 'hybrid:deliberate';
    };
    const options = { k: 5, strategy: 'hybrid', decide } as const;
    await expect(retrieve(question, { db, embedder, signal: stop.signal }, options)).rejects.toThrow(
      'enough',
    );
  });
});

describe('variants', () => {
  const known = (words: Record<string, number>) =>
    Object.entries(words).map(([word, idf]) => ({ word, idf, documents: 1, known: true, impacts: [] }));

  it('are the rarer words, and the clauses', () => {
    const statistics = known({ sail: 5, cutter: 6, moor: 4, harbour: 3 });
    const asked = 'When does the cutter sail, and where is the harbour moored?';
    expect(variantsOf(asked, statistics)).toEqual([
      'cutter sail,',
      'When does the cutter sail',
      'where is the harbour moored',
    ]);
  });

  it('are none where there is nothing to leave out', () => {
    expect(variantsOf('cutter sail', known({ cutter: 6, sail: 5 }))).toEqual([]);
    expect(variantsOf('', [])).toEqual([]);
  });
});
