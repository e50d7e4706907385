import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compareWith, isWorse, readBaseline, writeBaseline } from '../../../eval/baseline.ts';
import { readDataset } from '../../../eval/dataset.ts';
import { cacheEmbeddings } from '../../../eval/embedding-cache.ts';
import { measure } from '../../../eval/measure.ts';
import { readOptions } from '../../../eval/options.ts';
import { latinEmbedder } from '../retrieval/corpus.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'eval-test-'));
});
afterEach(() => rm(folder, { recursive: true }));

const queries = Array.from({ length: 40 }, (_, i) => ({
  id: `q${i}`,
  text: `question ${i}`,
  judged: new Map([[`d${i}`, 1]]),
}));
const run = { dataset: 'set', split: null, judged_prefix: null, embedding: 'model@16' };
/** Finds the relevant document of each question at the given rank, from 1. */
const finding = (rank: number) =>
  measure(
    queries,
    async (text) => [...Array.from({ length: rank - 1 }, (_, i) => `x${i}`), `d${text.split(' ')[1]}`],
    () => undefined,
  );

describe('a run', () => {
  it('has means, intervals and every query', async () => {
    const { scores, perQuery } = await finding(3);
    expect(scores).toMatchObject({ 'ndcg@10': 0.5, 'recall@10': 1, 'recall@100': 1, queries: 40 });
    expect(scores['mrr@10']).toBeCloseTo(1 / 3, 12);
    expect(scores['mrr@10_interval'][1]).toBeCloseTo(1 / 3, 12);
    expect(perQuery[7]).toMatchObject({ query: 'q7', 'ndcg@10': 0.5, ranked: ['x0', 'x1', 'd7'] });
  });

  it('is compared with an earlier one, query by query', async () => {
    const path = join(folder, 'baseline.json');
    await writeBaseline(path, run, new Map([['hybrid', await finding(1)]]));
    const earlier = await readBaseline(path);
    const worse = compareWith(earlier, run, new Map([['hybrid', await finding(3)]]));
    expect(worse.hybrid?.['ndcg@10']).toMatchObject({ difference: -0.5, queries: 40 });
    expect(isWorse(worse.hybrid?.['ndcg@10'] ?? expect.fail())).toBe(true);
    const same = compareWith(earlier, run, new Map([['hybrid', await finding(1)]]));
    expect(isWorse(same.hybrid?.['ndcg@10'] ?? expect.fail())).toBe(false);
  });

  it('is not compared with one of other judgements or strategies', async () => {
    const path = join(folder, 'baseline.json');
    await writeBaseline(path, run, new Map([['hybrid', await finding(1)]]));
    const earlier = await readBaseline(path);
    const measured = new Map([['hybrid', await finding(1)]]);
    expect(() => compareWith(earlier, { ...run, split: 'test' }, measured)).toThrow('split');
    const other = new Map([['vector', await finding(1)]]);
    expect(() => compareWith(earlier, run, other)).toThrow('in common');
  });
});

describe('a judged collection', () => {
  beforeEach(async () => {
    const lines = (items: object[]) => items.map((item) => JSON.stringify(item)).join('\n');
    const passages = ['en/a', 'ko/a', 'ko/b'].map((_id) => ({ _id, title: _id, text: 'text' }));
    await writeFile(join(folder, 'corpus.jsonl'), lines(passages));
    const asked = [
      { _id: '1', text: 'one', split: 'train' },
      { _id: '2', text: 'two', split: 'test' },
      { _id: '3', text: 'unjudged' },
    ];
    await writeFile(join(folder, 'queries.jsonl'), lines(asked));
    const judged = ['query-id\tcorpus-id\tscore', '1\tko/a\t1', '1\ten/a\t1', '2\ten/a\t2', '2\tko/b\t0'];
    await writeFile(join(folder, 'qrels.tsv'), judged.join('\n'));
  });

  const gold = { strings: [], each: true };

  it('is read with its splits', async () => {
    const { corpus, queries: all } = await readDataset(folder);
    expect(corpus).toHaveLength(3);
    expect(all.map(({ id }) => id)).toEqual(['1', '2']);
    const test = await readDataset(folder, { split: 'test' });
    expect(test.queries).toEqual([{ id: '2', text: 'two', judged: new Map([['en/a', 2]]), gold }]);
  });

  it('is confined to passages of a prefix', async () => {
    const { corpus, queries: korean } = await readDataset(folder, { judgedPrefix: 'ko/' });
    expect(corpus.map(({ _id }) => _id)).toEqual(['ko/a', 'ko/b']);
    expect(korean).toEqual([{ id: '1', text: 'one', judged: new Map([['ko/a', 1]]), gold }]);
  });
});

describe('remembered embeddings', () => {
  it('are the same, by task and text, and survive the process', async () => {
    let embedded = 0;
    const plain = latinEmbedder();
    const counting = latinEmbedder({
      embed: (texts, options) => {
        embedded += texts.length;
        return plain.embed(texts, options);
      },
    });
    const first = await cacheEmbeddings(counting, folder);
    const expected = await plain.embed(['react', 'leave'], { task: 'passage' });
    expect(await first.embed(['react', 'leave'], { task: 'passage' })).toEqual(expected);
    const second = await cacheEmbeddings(counting, folder);
    expect(await second.embed(['leave', 'react'], { task: 'passage' })).toEqual(expected.toReversed());
    expect(embedded).toBe(2);
    await second.embed(['react'], { task: 'query' });
    expect(embedded).toBe(3);
  });

  it('leave out what a killed process wrote half of', async () => {
    const plain = latinEmbedder();
    const home = join(folder, plain.model);
    await mkdir(home);
    await writeFile(join(home, 'broken.vectors'), Buffer.alloc(50, 1));
    const cached = await cacheEmbeddings(plain, folder);
    const [vector] = await cached.embed(['react'], { task: 'query' });
    expect(vector).toEqual((await plain.embed(['react'], { task: 'query' }))[0]);
  });
});

describe('options', () => {
  it('ask for help without a folder', () => {
    expect(readOptions([])).toBe('help');
    expect(readOptions(['--data', 'x', '--help'])).toBe('help');
  });

  it('name the strategies and refuse others', () => {
    const names = (...args: string[]) => {
      const options = readOptions(['--data', 'x', ...args]);
      return options === 'help' ? [] : options.variants.map(({ name, mode, rerank }) => [name, mode, rerank]);
    };
    expect(names()).toEqual([
      ['keyword', 'bm25', false],
      ['vector', 'vector', false],
      ['hybrid', 'hybrid', false],
    ]);
    expect(names('--strategy', 'hybrid', '--rerank')).toEqual([
      ['hybrid', 'hybrid', false],
      ['hybrid+rerank', 'hybrid', true],
    ]);
    expect(readOptions(['--data', 'x', '--embedding-cache', 'off'])).toMatchObject({
      embeddingCache: undefined,
    });
    expect(() => readOptions(['--data', 'x', '--strategy', 'hybrid,toString'])).toThrow('toString');
    expect(() => readOptions(['--data', 'x', '--limit', '0'])).toThrow('--limit');
  });
});
