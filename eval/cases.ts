import { parseArgs } from 'node:util';
import type { Dataset, EvalQuery } from './dataset.ts';
import { readDataset } from './dataset.ts';
import { defaultCacheFolder } from './embedding-cache.ts';
import { depth, type Measured, measure } from './measure.ts';
import { type Bar, createBar } from './progress.ts';
import { compareStrategies, printComparisons, printScores } from './report.ts';
import { type EvalService, startEvalService } from './service.ts';

const usage = `npm run eval cases -- --data DIR [options]

What the case bank does to search: every second question is asked and, where a source of its answer is one that is judged
right, rated good; the other questions are then searched with and without the cases that this made.

--split NAME          only questions of this split
--limit N             only the first N questions
--mode NAME           hybrid (when left out), bm25 or vector
--embedding-cache DIR as for the evaluation of search
--json                the result as the last line of standard output`;

/** The evaluation of the case bank: what docs/cases.md describes. */
export async function evaluateCases(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: 'string' },
      split: { type: 'string' },
      limit: { type: 'string' },
      mode: { type: 'string', default: 'hybrid' },
      'embedding-cache': { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || values.data === undefined) {
    console.log(usage);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const limit = values.limit === undefined ? undefined : Number(values.limit);
  const dataset = await readDataset(values.data, { split: values.split, limit });
  const service = await startEvalService({
    folder: values['embedding-cache'] ?? defaultCacheFolder(),
    needed: true,
  });
  const bar = createBar();
  try {
    const { measured, cases, helped } = await compare(service, dataset, values.mode, bar);
    const comparisons = compareStrategies(measured);
    printScores([dataset.name, values.split].filter(Boolean).join(' '), measured);
    console.log(`${cases} cases; ${helped} of the other questions were like one of them`);
    printComparisons(comparisons);
    const strategies = Object.fromEntries([...measured].map(([name, { scores }]) => [name, scores]));
    if (values.json)
      console.log(JSON.stringify({ dataset: dataset.name, cases, helped, strategies, comparisons }));
  } finally {
    await service.stop();
  }
}

async function compare(service: EvalService, { corpus, queries }: Dataset, mode: string, bar: Bar) {
  await service.call('PUT', '/api/v1/admin/flags/neural_case_selector', {
    enabled: true,
    reason: 'measured',
  });
  bar.start(corpus.length, 0, { name: 'ingest' });
  const ids = await service.ingest(corpus, (done) => bar.update(done));
  bar.stop();
  const asked = queries.filter((_, i) => i % 2 === 0);
  const others = queries.filter((_, i) => i % 2 === 1);
  bar.start(asked.length, 0, { name: 'ask and rate' });
  for (const query of asked) {
    await askAndRate(service, query, ids);
    bar.increment();
  }
  bar.stop();
  const cases = await casesIndexed(service);
  let helped = 0;
  const find = (use_neural: boolean) => async (text: string) => {
    const request = { search_mode: mode, max_results: depth, use_neural };
    const found = await service.search(text, request);
    if (found.some(({ cited }) => cited)) helped++;
    return [...new Set(found.map(({ document }) => ids.get(document) as string))];
  };
  const measured = new Map<string, Measured>();
  for (const [name, use] of [
    ['without cases', false],
    ['with cases', true],
  ] as const) {
    bar.start(others.length, 0, { name });
    measured.set(name, await measure(others, find(use), () => bar.increment()));
    bar.stop();
  }
  return { measured, cases, helped };
}

/** As somebody would who knows the right sources: good, where the answer cites one of them; otherwise nothing is said. */
async function askAndRate(service: EvalService, query: EvalQuery, ids: ReadonlyMap<string, string>) {
  const answer = await service.ask(query.text.slice(0, 2000));
  const right = answer.sources.some(({ document_id }) => query.judged.has(ids.get(document_id) ?? ''));
  if (right) await service.call('POST', `/api/v1/answers/${answer.id}/feedback`, { rating: 1 });
}

async function casesIndexed(service: EvalService): Promise<number> {
  for (;;) {
    const waiting = await service.waitingCases();
    if (waiting.active > 0 && waiting.unindexed === 0) return waiting.active;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
