import { afterAll, beforeAll, expect, it } from 'vitest';
import { analyzerVersion } from '../../src/retrieval/analyze.ts';
import type { Context } from '../../workers/context.ts';
import { handlers } from '../../workers/handlers.ts';
import { expectConsistent } from '../support/consistency.ts';
import { type HandlerBench, openBench } from '../support/context.ts';
import { ready } from '../support/ingest.ts';

let bench: HandlerBench;
let context: Context;
beforeAll(async () => {
  bench = await openBench();
  context = bench.context;
});
afterAll(() => bench.close());

const texts = ['The heron waits at the weir.', '왜가리는 둑에서 기다린다.', 'An otter swims below.'];

const rowsOf = async (sql: string) => (await context.db.raw(sql)).rows;
const index = async () => ({
  postings: await rowsOf(
    'select word, chunk_seq, frequency, word_count from postings order by chunk_seq, word',
  ),
  counts: await rowsOf('select word, impact, postings from posting_counts order by word, impact'),
  sums: await rowsOf('select live_chunks, live_words from corpus_state'),
});

it('makes anew what an older analyzer made, to the last row, and leaves the rest alone', async () => {
  for (const [n, text] of texts.entries())
    await ready(context, { text, externalId: `note-${n}`, title: `Note ${n}` });
  const right = await index();
  const [{ version: before }] = await rowsOf('select version from corpus_state');
  await handlers.reindexChunks.run({}, context);
  expect(await rowsOf('select version from corpus_state')).toEqual([{ version: before }]);

  // As an older analyzer would have left two of the three: other words, another length, postings to match.
  await context.db.raw(
    `update chunks set words = '{old,heron}', frequencies = '{3,1}', word_count = 4, analyzer = ${analyzerVersion - 1} where seq <= 2`,
  );
  await context.db.raw('delete from postings where chunk_seq <= 2');
  await context.db.raw(
    `insert into postings (word, chunk_seq, frequency, word_count)
     select w.word, c.seq, w.frequency, c.word_count from chunks c
      cross join lateral unnest(c.words, c.frequencies) as w(word, frequency) where c.seq <= 2`,
  );
  await context.db.raw(
    'update corpus_state set live_words = (select sum(word_count) from chunks where live)',
  );
  expect(await index()).not.toEqual(right);

  await handlers.reindexChunks.run({}, context);
  expect(await index()).toEqual(right);
  await expectConsistent(context, texts.length);
  expect(await rowsOf(`select seq from chunks where analyzer <> ${analyzerVersion}`)).toEqual([]);
  const [{ version: after }] = await rowsOf('select version from corpus_state');
  expect(Number(after), 'what was cached is stale').toBeGreaterThan(Number(before));
});
