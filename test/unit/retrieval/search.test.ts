import type { Knex } from 'knex';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { beginDelete } from '../../../src/db/operations.ts';
import { searchMeaning } from '../../../src/db/search-meaning.ts';
import { greatestScore, readWordStatistics, scoreWords, searchWords } from '../../../src/db/search-words.ts';
import { changeCorpus, removeChunks } from '../../../src/db/versions.ts';
import { seededRandom } from '../../../src/evaluation/random.ts';
import { analyze } from '../../../src/retrieval/analyze.ts';
import type { Filters } from '../../../src/retrieval/passage.ts';
import { addDocuments, latinEmbedder, openCorpus } from './corpus.ts';

let db: Knex;
let close: () => Promise<void>;
const embedder = latinEmbedder();

beforeAll(async () => {
  ({ db, close } = await openCorpus());
});
afterAll(() => close());
beforeEach(async () => {
  await db.raw('truncate documents, operations cascade');
  await db('corpus_state').update({ live_chunks: 0, live_words: 0 });
});

/** BM25 from the texts alone, written from the formula and sharing nothing with the implementation but the analyser. */
function bm25(texts: Map<number, string>, question: string): Map<number, number> {
  const bags = new Map([...texts].map(([seq, text]) => [seq, analyze(text).words]));
  const average = [...bags.values()].reduce((sum, bag) => sum + bag.length, 0) / bags.size;
  const scores = new Map<number, number>();
  for (const word of new Set(analyze(question).words)) {
    const df = [...bags.values()].filter((bag) => bag.includes(word)).length;
    const idf = Math.log(1 + (bags.size - df + 0.5) / (df + 0.5));
    for (const [seq, bag] of bags) {
      const tf = bag.filter((w) => w === word).length;
      if (tf === 0) continue;
      const part = (idf * tf * 2.2) / (tf + 1.2 * (0.25 + (0.75 * bag.length) / average));
      scores.set(seq, (scores.get(seq) ?? 0) + part);
    }
  }
  return scores;
}

const vocabulary =
  'alpha beta gamma delta 번역을 번역은 컴포넌트 휴가를 RFC-9457 2월 omega kappa sigma'.split(' ');

describe('BM25', () => {
  it('equals an independent computation after random adds and deletes', async () => {
    const random = seededRandom(42);
    const pick = () => vocabulary[Math.floor(random() ** 2 * vocabulary.length)] ?? '';
    const texts = new Map<number, string>();
    const ids = new Map<number, string>();
    for (let round = 0; round < 3; round++) {
      const batch = Array.from({ length: 8 }, () => ({
        text: Array.from({ length: 1 + Math.floor(random() * 30) }, pick).join(' '),
      }));
      const added = await addDocuments(db, batch);
      added.forEach(({ id, seq }, i) => {
        texts.set(seq, batch[i]?.text ?? '');
        ids.set(seq, id);
      });
      for (const seq of [...texts.keys()].filter(() => random() < 0.3)) {
        await beginDelete(db, ids.get(seq) ?? '');
        texts.delete(seq);
      }
      for (const question of [
        '번역 alpha',
        'rfc9457 2월 gamma gamma',
        'nowhere sigma',
        '컴포넌트는 휴가 kappa',
      ]) {
        const expected = bm25(texts, question);
        const statistics = await readWordStatistics(db, analyze(question).words);
        const found = await searchWords(db, statistics, { limit: 1000 });
        expect(new Set(found.map(({ seq }) => seq))).toEqual(new Set(expected.keys()));
        for (const { seq, score } of found) expect(score).toBeCloseTo(expected.get(seq) ?? Number.NaN, 9);
        for (let i = 1; i < found.length; i++) {
          expect(found[i - 1]?.score).toBeGreaterThanOrEqual(found[i]?.score ?? 0);
        }
        for (const { score } of found) expect(score).toBeLessThan(greatestScore(statistics));
      }
    }
  });

  it('cuts to the limit with ties by seq, and scores given chunks the same', async () => {
    const added = await addDocuments(
      db,
      Array.from({ length: 6 }, () => ({ text: 'alpha beta' })),
    );
    const seqs = added.map(({ seq }) => seq);
    const statistics = await readWordStatistics(db, ['alpha']);
    const found = await searchWords(db, statistics, { limit: 4 });
    expect(found.map(({ seq }) => seq)).toEqual(seqs.slice(0, 4));
    const rescored = await scoreWords(db, statistics, seqs.slice(4));
    expect(rescored.map(({ score }) => score)).toEqual([found[0]?.score, found[0]?.score]);
  });

  it('asks nothing and fails at nothing on an empty corpus', async () => {
    const statistics = await readWordStatistics(db, ['alpha']);
    expect(statistics).toMatchObject({ liveChunks: 0, words: [{ word: 'alpha', documents: 0 }] });
    expect(await searchWords(db, statistics, { limit: 5 })).toEqual([]);
    expect(await searchWords(db, await readWordStatistics(db, []), { limit: 5 })).toEqual([]);
  });
});

/** What both legs let through; they must agree, since both texts match. */
async function seen(filters: Filters): Promise<string[]> {
  const statistics = await readWordStatistics(db, ['alpha']);
  const [vector = new Float32Array()] = await embedder.embed(['alpha'], { task: 'query' });
  const words = await searchWords(db, statistics, { limit: 100, filters });
  const meaning = await searchMeaning(db, { model: embedder.model, vector }, { limit: 100, filters });
  expect(meaning.map(({ seq }) => seq).sort()).toEqual(words.map(({ seq }) => seq).sort());
  const rows = await db('chunks')
    .whereIn(
      'seq',
      words.map(({ seq }) => seq),
    )
    .orderBy('seq')
    .pluck('text');
  return rows.map((text: string) => text.split(' ')[1] ?? '');
}

describe('filters', () => {
  let ids: string[];
  beforeEach(async () => {
    const documents = [
      { text: 'alpha one', path: ['HR', 'Leave'], metadata: { year: 2024, tags: ['a', 'b'] } },
      { text: 'alpha two', path: ['HR'], metadata: { year: 2023 } },
      {
        text: 'alpha three',
        path: ['HR', 'Leave', 'Sick'],
        metadata: { year: 2024, site: { city: '서울' } },
      },
      { text: 'alpha four', path: ['HRM', 'Leave'] },
      { text: 'alpha five' },
    ];
    ids = (await addDocuments(db, documents, embedder)).map(({ id }) => id);
  });

  const all = ['one', 'two', 'three', 'four', 'five'];
  it.each<[string, Filters, string[]]>([
    ['none', {}, all],
    ['a path prefix', { canonicalIn: [['HR', 'Leave']] }, ['one', 'three']],
    ['any of several prefixes', { canonicalIn: [['HR', 'Leave', 'Sick'], ['HRM']] }, ['three', 'four']],
    ['the root', { canonicalIn: [[]] }, all],
    ['an unknown path', { canonicalIn: [['Leave']] }, []],
    ['a path in another order', { canonicalIn: [['Leave', 'HR']] }, []],
    ['a path with NUL', { canonicalIn: [['HR\u0000']] }, []],
    ['no path', { canonicalIn: [] }, []],
    ['no document', { documentIds: [] }, []],
    ['an id that is none', { documentIds: ["1' or true --"] }, []],
    ['metadata', { metadata: { year: 2024 } }, ['one', 'three']],
    ['metadata within', { metadata: { site: { city: '서울' } } }, ['three']],
    ['metadata of a list', { metadata: { tags: ['b'] } }, ['one']],
    ['metadata with NUL', { metadata: { year: '\u0000' } }, []],
    ['metadata that merely looks alike', { metadata: { year: '2024' } }, []],
    ['two filters at once', { metadata: { year: 2024 }, canonicalIn: [['HR', 'Leave', 'Sick']] }, ['three']],
  ])('%s', async (_name, filters, expected) => {
    expect(await seen(filters)).toEqual(expected);
  });

  it('document ids', async () => {
    expect(await seen({ documentIds: [ids[3] ?? '', ids[0] ?? ''] })).toEqual(['one', 'four']);
  });

  it('leave the statistics global', async () => {
    const statistics = await readWordStatistics(db, ['alpha', 'one']);
    const unfiltered = await searchWords(db, statistics, { limit: 10 });
    const filtered = await searchWords(db, statistics, {
      limit: 10,
      filters: { documentIds: ids.slice(0, 1) },
    });
    expect(filtered).toEqual(unfiltered.slice(0, 1));
  });
});

describe('what search may see', () => {
  it('is neither deleted, nor replaced, nor unpublished', async () => {
    const documents = ['one', 'two', 'three'].map((name) => ({ text: `alpha ${name}` }));
    const [one, two] = await addDocuments(db, documents, embedder);
    await addDocuments(db, [{ text: 'alpha unpublished', live: false }], embedder);
    await beginDelete(db, one?.id ?? '');
    await db.transaction(async (trx) => {
      const gone = await removeChunks(trx, two?.id ?? '', null);
      await changeCorpus(trx, { chunks: -gone.chunks, words: -gone.words });
    });
    expect(await seen({})).toEqual(['three']);
    expect(await seen({ canonicalIn: [[]] })).toEqual(['three']);
    expect(await seen({ documentIds: [one?.id ?? ''] })).toEqual([]);
    const statistics = await readWordStatistics(db, ['alpha']);
    expect(statistics).toMatchObject({ liveChunks: 1, words: [{ documents: 1 }] });
  });

  it('compares vectors of one model only', async () => {
    await addDocuments(db, [{ text: 'alpha one' }], latinEmbedder({ model: 'another@16' }));
    const [vector = new Float32Array()] = await embedder.embed(['alpha'], { task: 'query' });
    expect(await searchMeaning(db, { model: embedder.model, vector }, { limit: 10 })).toEqual([]);
    expect(await searchMeaning(db, { model: 'another@16', vector }, { limit: 10 })).toHaveLength(1);
  });
});
