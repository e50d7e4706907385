import { afterAll, beforeAll, expect, it } from 'vitest';
import type { SearchOptions } from '../../src/retrieval/search.ts';
import { type HandlerBench, openBench } from '../support/context.ts';
import { writeCrossEncoder } from '../support/cross-encoder.ts';
import { ready } from '../support/ingest.ts';

let model: Awaited<ReturnType<typeof writeCrossEncoder>>;
let bench: HandlerBench;

beforeAll(async () => {
  model = await writeCrossEncoder();
  bench = await openBench({ RERANKER: 'local', RERANKER_MODEL_DIR: model.folder, RERANK_TOP: '2' });
  for (const text of [
    'A heron waits patiently.',
    'Where does the heron stop? Where?',
    'Herons, otters, reeds',
  ])
    await ready(bench.context, { text });
});
afterAll(async () => {
  await bench.close();
  await model.remove();
});

const search = async (more: Partial<SearchOptions> = {}) => {
  const options: SearchOptions = {
    ...{ k: 5, strategy: 'keyword', filters: {}, audience: { scope: 'read', flags: [] } },
    ...more,
  };
  return (await bench.context.search.retrieve('Where does the heron wait?', options)).retrieval;
};

it('a local cross-encoder orders the first passages, and the others follow', async () => {
  const plain = await search({ rerank: false });
  const found = await search();
  const textsOf = ({ passages }: typeof plain) => passages.map(({ text }) => text);
  const [first, second, ...rest] = textsOf(plain);
  expect(textsOf(found)).toEqual([second, first, ...rest]);
  expect(found.analysis.rerank).toMatchObject({ passages: 2, outcome: 'applied' });
  expect(found.passages.map(({ rerankScore }) => rerankScore !== null)).toEqual([true, true, false]);
  const scores = found.passages.map(({ score }) => score);
  expect(scores).toEqual([...scores].sort((a, b) => b - a));
});

it('asks for no more than the time that is left', async () => {
  const { analysis, passages } = await search({ withinMs: 0, k: 4 });
  expect(analysis.rerank).toMatchObject({ outcome: 'timeout' });
  expect(passages).toEqual((await search({ rerank: false, k: 4 })).passages);
});
