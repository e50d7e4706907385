import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { acceptDocuments } from '../../src/db/accept-documents.ts';
import { completeDelete } from '../../src/db/complete-delete.ts';
import { beginFirstGeneration } from '../../src/db/generations.ts';
import { greatestImpact, impactOf } from '../../src/db/impacts.ts';
import { beginDelete, claimOperation } from '../../src/db/operations.ts';
import { createScopeCache } from '../../src/db/scope-cache.ts';
import type { ScoredChunk } from '../../src/db/search.ts';
import { findScope, type Scope } from '../../src/db/search-scope.ts';
import {
  type Bm25,
  bm25Defaults,
  readWordStatistics,
  scoreWords,
  searchWords,
  type WordSearch,
  type WordStatistics,
} from '../../src/db/search-words.ts';
import { type NewChunk, storeParsed } from '../../src/db/store-chunks.ts';
import { claimVersion, makeLive } from '../../src/db/versions.ts';
import { seededRandom } from '../../src/evaluation/random.ts';
import { countWords } from '../../src/retrieval/analyze.ts';
import type { Filters } from '../../src/retrieval/passage.ts';
import { openTestDatabase } from '../support/stores.ts';

/**
 * Scores of keyword search against BM25 computed another way: from the texts alone, in memory, over a table of every word and
 * chunk, after a thousand documents came, changed and went through the functions that ingestion and deletion use.
 */
let db: Knex;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
  await beginFirstGeneration(db, { provider: 'local', model, dimensions: 2 });
});
afterAll(() => close());

const model = 'none@2';
const scopes = createScopeCache(2 ** 20);
const operations = 1000;

const random = seededRandom(2026);

const vocabulary =
  'alpha beta gamma delta epsilon 번역을 번역은 기계번역 컴포넌트 휴가를 연차휴가 서버에서 RFC-9457 2월 omega kappa sigma lambda 東京都 café'.split(
    ' ',
  );
const pick = () => vocabulary[Math.floor(random() ** 2 * vocabulary.length)] as string;
const makeText = (most: number) => Array.from({ length: 1 + Math.floor(random() * most) }, pick).join(' ');

/** The bag of words of every chunk that is live, by document, as this test believes it to be. */
const believed = new Map<string, { name: string; colour: string; chunks: string[] }>();

async function publish(name: string): Promise<void> {
  const going = await prepare(name, () => 1 + Math.floor(random() * 3));
  await goLive(going);
}

/** Text, chunks and vectors of a document, stored and not live yet. */
async function prepare(name: string, size: () => number) {
  const colour = random() < 0.3 ? 'red' : 'blue';
  const chunks = Array.from({ length: size() }, () => makeText(random() < 0.05 ? 300 : 25));
  const attributes = {
    title: null,
    source_url: null,
    author: null,
    language: null,
    taxonomy_path: [],
    metadata: { colour },
  };
  const [accepted] = await db.transaction((trx) =>
    acceptDocuments(
      trx,
      [
        {
          ...{ externalId: name, attributes, priority: 5, contentType: 'text/plain', fileName: null },
          content: { text: randomUUID() },
        },
      ],
      { apiKeyId: null, createPaths: true },
    ),
  );
  const key = { documentId: accepted?.documentId ?? '', version: accepted?.version ?? 0 };
  const claimed = await claimVersion(db, key);
  const parsed = { text: chunks.join('\n'), pages: [], found: {}, chunks: chunks.map(toChunk) };
  await storeParsed(db, key, claimed?.token ?? '', parsed);
  await db.raw(
    `insert into chunk_vectors (chunk_seq, model, embedding)
     select seq, ?, '[1,0]' from chunks where document_id = ? and version = ?`,
    [model, key.documentId, key.version],
  );
  return { key, document: { name, colour, chunks } };
}

async function goLive({ key, document }: Awaited<ReturnType<typeof prepare>>): Promise<void> {
  expect(await makeLive(db, key)).toBe(true);
  believed.set(key.documentId, document);
}

function toChunk(text: string): NewChunk {
  return {
    start: 0,
    end: text.length,
    page: null,
    heading: null,
    context: null,
    gap: null,
    text,
    ...countWords(text),
  };
}

async function remove(documentId: string): Promise<void> {
  const operation = await beginDelete(db, documentId);
  believed.delete(documentId);
  // Some deletions end much later: what is hidden must count no more than what is gone.
  if (random() < 0.5) return;
  const claimed = await claimOperation(db, operation?.id ?? '');
  if (claimed) await completeDelete(db, claimed);
}

async function change(step: number): Promise<void> {
  const known = [...believed];
  const [documentId, document] = known[Math.floor(random() * known.length)] ?? [];
  const dice = random();
  if (!documentId || !document || known.length < 20 || dice < 0.35) await publish(`document ${step}`);
  else if (dice < 0.65) await publish(document.name);
  else await remove(documentId);
}

/** Σ over the question's words of idf · tf · (k1 + 1) / (tf + k1 · (1 − b + b · length / mean length)), straight from the texts. */
function reference(question: string, { k1, b }: Bm25, colour?: string): number[] {
  const chunks = [...believed.values()].flatMap((document) =>
    document.chunks.map((text) => {
      const { words, frequencies, wordCount } = countWords(text);
      const bag = new Map(words.map((word, i) => [word, frequencies[i] as number]));
      return { bag, colour: document.colour, length: wordCount };
    }),
  );
  const mean = chunks.reduce((sum, { length }) => sum + length, 0) / chunks.length;
  const weights = countWords(question).words.map((word) => {
    const df = chunks.filter(({ bag }) => bag.has(word)).length;
    return { word, idf: Math.log(1 + (chunks.length - df + 0.5) / (df + 0.5)) };
  });
  return chunks
    .filter((chunk) => colour === undefined || chunk.colour === colour)
    .map(({ bag, length }) =>
      weights.reduce((sum, { word, idf }) => {
        const tf = bag.get(word) ?? 0;
        return sum + (idf * tf * (k1 + 1)) / (tf + k1 * (1 - b + (b * length) / mean) || 1);
      }, 0),
    )
    .filter((score) => score > 0)
    .sort((x, y) => y - x);
}

const questions = [
  'alpha 번역',
  'rfc9457 2월 gamma omega',
  '컴포넌트는 휴가 kappa 서버',
  'alpha beta gamma delta epsilon 번역 기계번역 컴포넌트 lambda',
  'nowhere 東京',
];
const parameters: Bm25[] = [bm25Defaults, { k1: 0.9, b: 0.4 }, { k1: 0, b: 0 }, { k1: 2.5, b: 1 }];

async function compare(
  question: string,
  bm25: Bm25,
  limit: number,
  budget: number,
  colour?: string,
): Promise<void> {
  const filters: Filters = colour === undefined ? {} : { metadata: { colour } };
  const statistics = await readWordStatistics(db, countWords(question).words);
  const found = await searchWords(db, statistics, { limit, filters, bm25, budget });
  await compareScopes(statistics, { limit, filters, bm25, budget }, found);
  const expected = reference(question, bm25, colour).slice(0, limit);
  const told = JSON.stringify({ question, bm25, limit, budget, colour });
  expect(found, told).toHaveLength(expected.length);
  for (const [i, { seq, score }] of found.entries()) {
    expect(score, told).toBeCloseTo(expected[i] as number, 8);
    const before = found[i - 1];
    if (before?.score === score) expect(before.seq, told).toBeLessThan(seq);
  }
  const certain = Math.ceil(limit / 5);
  const loosely = await searchWords(db, statistics, { limit, filters, bm25, budget, certain });
  expect(loosely.slice(0, certain), told).toEqual(found.slice(0, certain));
  expect(loosely, told).toHaveLength(expected.length);
  const again = await scoreWords(
    db,
    statistics,
    found.map(({ seq }) => seq),
    bm25,
  );
  expect(new Map(again.map(({ seq, score }) => [seq, score]))).toEqual(
    new Map(found.map(({ seq, score }) => [seq, score])),
  );
}

/** However it is known what the filters leave, the same is found: kept by one process throughout, listed, looked up. */
async function compareScopes(
  statistics: WordStatistics,
  search: WordSearch,
  found: readonly ScoredChunk[],
): Promise<void> {
  const { filters } = search;
  if (!filters?.metadata) return;
  const kept = await findScope(db, filters, scopes);
  if (kept.kind !== 'few') throw new Error('This corpus is too small for many.');
  expect(kept.seqs.length).toBeGreaterThan(0);
  const ways: Scope[] = [
    kept,
    { kind: 'few', seqs: kept.seqs },
    { kind: 'many', filters },
    { kind: 'many', filters, set: kept.set },
  ];
  for (const scope of ways) expect(await searchWords(db, statistics, { ...search, scope })).toEqual(found);
}

it('equals BM25 computed from the texts, throughout a thousand adds, updates and deletes', async () => {
  for (let step = 1; step <= operations; step++) {
    await change(step);
    if (step % 100 !== 0) continue;
    const question = questions[(step / 100) % questions.length] as string;
    for (const budget of [10, 150, 1e9]) {
      await compare(question, bm25Defaults, 10, budget);
      await compare(question, bm25Defaults, 10, budget, 'red');
    }
  }
  expect(believed.size).toBeGreaterThan(50);
  for (const question of questions)
    for (const bm25 of parameters)
      for (const [limit, budget] of [
        [5, 40],
        [10, 400],
        [1000, 1e9],
      ] as const) {
        await compare(question, bm25, limit, budget);
        await compare(question, bm25, limit, budget, 'red');
      }
  expect(await wrongCounts(db)).toEqual([]);
});

/** Counts that are kept of a word must be all it has, and right. */
async function wrongCounts(on: Knex): Promise<unknown[]> {
  const counted = `select word, impact, count(*)::int from postings
    where word in (select word from posting_counts) group by word, impact`;
  const kept = 'select word, impact, postings from posting_counts';
  return (await on.raw(`(${counted} except ${kept}) union all (${kept} except ${counted})`)).rows;
}

it('is exact after a long document went live beside short ones, and others went', async () => {
  const going = [...believed.keys()].slice(0, 8);
  const replaced = [...believed.values()].slice(8, 12);
  const coming = [await prepare('a long document', () => 1200)];
  for (let n = 0; n < 12; n++) coming.push(await prepare(`a short document ${n}`, () => 2));
  for (const { name } of replaced) coming.push(await prepare(name, () => 3));
  await Promise.all([...coming.map(goLive), ...going.map(remove)]);
  expect(await wrongCounts(db)).toEqual([]);
  const state = await db('corpus_state').first('live_chunks as chunks', 'live_words as words');
  const sums = 'count(*)::int as chunks, sum(word_count)::int as words';
  expect(state).toEqual(await db('chunks').where('live', true).first(db.raw(sums)));
  for (const question of questions) await compare(question, bm25Defaults, 20, 150);
});

it('keeps counts of common words, and reads the same of every word', async () => {
  const undo = new Error('undo');
  const trying = db.transaction(async (trx) => {
    const add = (word: string, from: number, to: number) =>
      trx.raw(
        `insert into postings (word, chunk_seq, frequency, word_count)
         select ?, n, 1 + n % 3, 10 + n % 50 from generate_series(?::int, ?::int) as n`,
        [word, 1_000_000 + from, 1_000_000 + to],
      );
    const remove = (from: number, to: number) =>
      trx.raw('delete from postings where chunk_seq between ? and ?', [1_000_000 + from, 1_000_000 + to]);
    const kept = async () =>
      (await trx.raw('select word, sum(postings)::int as n from posting_counts group by word order by word'))
        .rows;
    const expectRead = async (...documents: number[]) => {
      const { words } = await readWordStatistics(trx, ['common', 'rare']);
      expect(words.map((word) => word.documents)).toEqual(documents);
      for (const { word, impacts } of words) {
        const counted =
          'select impact, count(*)::int as postings from postings where word = ? group by impact';
        const byImpact = (a: { impact: number }, b: { impact: number }) => a.impact - b.impact;
        expect([...impacts].sort(byImpact)).toEqual((await trx.raw(counted, [word])).rows.sort(byImpact));
      }
      expect(await wrongCounts(trx)).toEqual([]);
    };
    await trx.raw('delete from postings');
    await add('common', 1, 200);
    await add('rare', 1, 200);
    expect(await kept()).toEqual([]);
    await expectRead(200, 200);
    // Enough for one of the chunks to be one at which it is looked how many there are.
    await add('common', 201, 600);
    expect(await kept()).toEqual([{ word: 'common', n: 600 }]);
    await expectRead(600, 200);
    await add('common', 601, 610);
    await remove(1, 150);
    expect(await kept()).toEqual([{ word: 'common', n: 460 }]);
    await expectRead(460, 50);
    await remove(1, 610);
    expect(await kept()).toEqual([]);
    await expectRead(0, 0);
    throw undo;
  });
  await expect(trying).rejects.toBe(undo);
});

it('classes postings so that none scores more than its class says', async () => {
  await publish('a chunk to post in');
  const undo = new Error('undo');
  const trying = db.transaction(async (trx) => {
    const { rows } = await trx.raw(
      `insert into postings (word, chunk_seq, frequency, word_count)
       select 'word ' || f || ' ' || l, (select max(seq) from chunks), f, l
         from unnest(array[1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 40, 32767]) as f,
              unnest(array[1, 7, 8, 15, 16, 31, 32, 95, 96, 200, 511, 512, 2047, 2048, 100000]) as l
       returning frequency, word_count as length, impact`,
    );
    for (const { frequency, length, impact } of rows as Record<'frequency' | 'length' | 'impact', number>[]) {
      expect(impactOf(frequency, length)).toBe(impact);
      for (const { k1, b } of parameters)
        for (const mean of [1, 60, 5000]) {
          const score = (frequency * (k1 + 1)) / (frequency + k1 * (1 - b + (b * length) / mean));
          expect(greatestImpact(impact, { k1, b }, mean)).toBeGreaterThanOrEqual(score);
        }
    }
    throw undo;
  });
  await expect(trying).rejects.toBe(undo);
});
