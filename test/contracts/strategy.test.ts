import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { beginDelete } from '../../src/db/operations.ts';
import { AppError } from '../../src/errors.ts';
import type { Embedder } from '../../src/models/embedder.ts';
import { type Strategy, strategies } from '../../src/retrieval/passage.ts';
import { type RetrieveOptions, retrieve, strategyFunctions } from '../../src/retrieval/retrieve.ts';
import { openTestDatabase } from '../support/stores.ts';
import { addDocuments, latinEmbedder } from '../unit/retrieval/corpus.ts';

let db: Knex;
let close: () => Promise<void>;
const embedder = latinEmbedder();
const unavailable = latinEmbedder({
  embed: async () => {
    throw new AppError('embedding_unavailable', 'The model is gone.');
  },
});

const documents = [
  { text: 'Annual leave is twenty five days a year.', title: 'Leave', path: ['HR', 'Leave'] },
  { text: 'Sick leave needs a certificate from the third day.', path: ['HR', 'Leave', 'Sick'] },
  { text: 'The cafeteria opens at eight and serves lunch.', path: ['Office'], metadata: { floor: 2 } },
  { text: '연차휴가는 일 년에 스물다섯 날입니다.', path: ['HR', 'Leave'] },
  { text: '식당은 여덟 시에 엽니다.', path: ['Office'] },
  { text: 'React 컴포넌트는 함수로 씁니다.', path: ['Code'] },
  { text: 'React components are functions.', path: ['Code'] },
];
let deleted: string;

beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
  await addDocuments(db, documents, embedder);
  const [gone] = await addDocuments(db, [{ text: 'Annual leave is forty days a year.' }], embedder);
  deleted = gone?.id ?? '';
  await beginDelete(db, deleted);
});
afterAll(() => close());

const ask = (question: string, options: Partial<RetrieveOptions> = {}, model: Embedder = embedder) =>
  retrieve(question, { db, embedder: model }, { k: 5, strategy: 'hybrid', ...options });

it('every strategy that has a name has a function', () => {
  expect(Object.keys(strategyFunctions).sort()).toEqual([...strategies].sort());
});

describe.each(strategies)('%s', (strategy: Strategy) => {
  it('finds the passage and tells all about it', async () => {
    const { passages, ...rest } = await ask('annual leave days', { strategy });
    expect(passages[0]).toMatchObject({
      text: documents[0]?.text,
      title: 'Leave',
      taxonomyPath: ['HR', 'Leave'],
      n: 0,
    });
    expect(passages[0]).toMatchObject({
      start: 0,
      end: documents[0]?.text.length,
      contentType: 'text/plain',
      version: 1,
    });
    expect(rest).toMatchObject({ strategy, taxonomyVersion: '1.0.0', analysis: { language: 'en' } });
    expect(rest.candidates).toBeGreaterThanOrEqual(passages.length);
    expect(rest.evidence.coverage).toBe(1);
  });

  it('gives scores in 0…1, best first, and the same order every time', async () => {
    const first = await ask('leave react lunch', { strategy });
    const scores = first.passages.map(({ score }) => score);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    for (const score of scores) {
      expect(score).toBeGreaterThanOrEqual(0);
      expect(score).toBeLessThanOrEqual(1);
    }
    expect(await ask('leave react lunch', { strategy })).toEqual(first);
  });

  it('returns at most k', async () => {
    expect((await ask('leave', { strategy, k: 1 })).passages).toHaveLength(1);
  });

  it('lets only what the filters allow through', async () => {
    const filtered = await ask('leave days lunch', {
      strategy,
      filters: { canonicalIn: [['HR', 'Leave', 'Sick']] },
    });
    expect(filtered.passages.map(({ text }) => text)).toEqual([documents[1]?.text]);
    for (const filters of [{ canonicalIn: [] }, { documentIds: [] }, { canonicalIn: [['Nowhere']] }]) {
      const { passages, evidence, candidates } = await ask('leave', { strategy, filters });
      expect(passages).toEqual([]);
      expect(candidates).toBe(0);
      expect(evidence).toMatchObject({ keyword: 0, coverage: 0 });
    }
  });

  it('never shows a deleted document', async () => {
    const { passages } = await ask('annual leave is forty days', { strategy, k: 50 });
    expect(passages.map(({ documentId }) => documentId)).not.toContain(deleted);
    expect((await ask('annual', { strategy, filters: { documentIds: [deleted] } })).passages).toEqual([]);
  });

  it('answers questions without words, of signs or of nothing', async () => {
    for (const question of ['what is the', '😀 ?!', '']) {
      const { evidence } = await ask(question, { strategy });
      expect(evidence).toMatchObject({ keyword: 0, coverage: 0 });
    }
  });

  it('stops with the abort reason', async () => {
    const reason = new Error('enough');
    const context = { db, embedder, signal: AbortSignal.abort(reason) };
    await expect(retrieve('leave', context, { k: 5, strategy })).rejects.toBe(reason);
  });
});

describe('a question that the model can not read', () => {
  it('is answered by words alone, in the order of keyword search, and says so', async () => {
    const question = '연차휴가는 며칠인가요?';
    const byWords = await ask(question, { strategy: 'keyword' });
    const { passages, analysis, evidence } = await ask(question);
    expect(passages).toEqual(byWords.passages);
    expect(passages[0]?.text).toBe(documents[3]?.text);
    expect(evidence).toMatchObject({ vector: null, agreement: null });
    expect(analysis).toMatchObject({ language: 'ko', vectorWeight: 0 });
    expect(analysis.notes.join(' ')).toContain('can not read');
  });

  it('does not reach the model at all', async () => {
    const { passages, analysis } = await ask('연차휴가', {}, unavailable);
    expect(passages[0]?.text).toBe(documents[3]?.text);
    expect(analysis.notes.join(' ')).not.toContain('unavailable');
  });

  it('weighs the vector leg by what the model reads of a mixed question', async () => {
    const whole = await ask('react components functions');
    const mixed = await ask('React 컴포넌트를 함수로');
    expect(mixed.passages[0]?.text).toBe(documents[5]?.text);
    expect(mixed.analysis.vectorWeight).toBeGreaterThan(0);
    expect(mixed.analysis.vectorWeight).toBeLessThan(whole.analysis.vectorWeight);
  });
});

describe('a word that the other language writes by its sound', () => {
  it('finds the passage of the other language behind those of its own, and says so', async () => {
    const korean = await ask('컴포넌트란 무엇인가요?', { strategy: 'keyword' });
    expect(korean.passages.map(({ text }) => text)).toEqual([documents[5]?.text, documents[6]?.text]);
    expect(korean.analysis.notes.join(' ')).toContain('by sound');
    const english = await ask('what are components?', { strategy: 'keyword' });
    expect(english.passages.map(({ text }) => text)).toEqual([documents[6]?.text, documents[5]?.text]);
  });

  it('adds nothing to what the question could reach or covers', async () => {
    const { evidence, analysis } = await ask('컴포넌트', { strategy: 'keyword' });
    expect(analysis.words.map(({ word }) => word)).toEqual(['컴포넌트', '컴포', '포넌', '넌트']);
    expect(evidence.coverage).toBe(1);
  });

  it('covers where the corpus has the word by its sound alone', async () => {
    const [added] = await addDocuments(db, [{ text: 'A compiler runs at night.' }]);
    const covers = async (question: string) => {
      const { evidence, analysis, passages } = await ask(question, { strategy: 'keyword' });
      return { coverage: evidence.coverage, words: analysis.sounds.flatMap((one) => one.words), passages };
    };
    const found = await covers('컴파일러');
    expect(found.passages[0]?.chunkSeq).toBe(added?.seq);
    expect(found.words).toContain('컴파일러');
    expect(found.coverage).toBeGreaterThan(0.5);
    expect((await covers('만년설')).coverage).toBe(0);
  });
});

describe('an embedding model that is unavailable', () => {
  it('leaves hybrid with keyword search and a note', async () => {
    const { passages, analysis, evidence } = await ask('annual leave', {}, unavailable);
    expect(passages).toEqual((await ask('annual leave', { strategy: 'keyword' })).passages);
    expect(evidence.vector).toBeNull();
    expect(analysis).toMatchObject({ vectorWeight: 0 });
    expect(analysis.notes.join(' ')).toContain('unavailable');
  });

  it('fails vector search', async () => {
    const asked = ask('annual leave', { strategy: 'vector' }, unavailable);
    await expect(asked).rejects.toMatchObject({ code: 'embedding_unavailable' });
  });

  it('is the only failure that hybrid bears', async () => {
    const broken = latinEmbedder({ embed: async () => Promise.reject(new TypeError('broken')) });
    await expect(ask('annual leave', {}, broken)).rejects.toThrow('broken');
  });
});

describe('hybrid', () => {
  it('gives both scores of a chunk that one leg alone found first', async () => {
    const { passages, evidence } = await ask('annual leave days');
    for (const { vectorScore } of passages) expect(vectorScore).not.toBeNull();
    expect(evidence.agreement).toBe(true);
    expect(evidence.vector).toBeGreaterThan(0.5);
    expect(evidence.keyword).toBeGreaterThan(0);
  });

  it('finds a chunk without a vector by its words', async () => {
    const [added] = await addDocuments(db, [{ text: 'Zebra crossing rules' }]);
    const { passages } = await ask('zebra crossing');
    expect(passages[0]).toMatchObject({ chunkSeq: added?.seq, vectorScore: null });
  });
});
