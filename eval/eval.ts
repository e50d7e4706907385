import { writeFile } from 'node:fs/promises';
import { evaluateAnswers } from './answers.ts';
import { compareWith, isWorse, type RunOf, readBaseline, writeBaseline } from './baseline.ts';
import { evaluateCases } from './cases.ts';
import { evaluateClassifier } from './classify.ts';
import { type Dataset, readDataset } from './dataset.ts';
import { joinPassages, type Place } from './join.ts';
import { evaluateLearning } from './learning.ts';
import { depth, type Measured, measure } from './measure.ts';
import { type EvalOptions, readOptions, usage, type Variant } from './options.ts';
import { evaluatePlanner } from './planner.ts';
import { type Bar, createBar } from './progress.ts';
import {
  printReadings,
  type Read,
  type ReadingName,
  type ReadingResult,
  readFound,
  readings,
  summariseReadings,
} from './reading.ts';
import { compareStrategies, leading, printAgainst, printComparisons, printScores } from './report.ts';
import { type EvalService, startEvalService } from './service.ts';
import { evaluateTraffic } from './traffic.ts';

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') {
    console.log(usage);
    process.exitCode = process.argv.includes('--help') ? 0 : 2;
    return;
  }
  // Read first: a wrong path must not show after half an hour.
  const earlier = options.against === undefined ? undefined : await readBaseline(options.against);
  const read = await readDataset(options.data, options);
  const { dataset, places } = options.join
    ? joinPassages(read, options.join)
    : { dataset: read, places: new Map<string, Place>() };
  console.error(`${dataset.name}: ${dataset.corpus.length} passages, ${dataset.queries.length} queries`);
  const judged = read.queries.map((query) => [...query.judged.keys()].flatMap((id) => places.get(id) ?? []));
  const { measured, embedding, reading } = await measureDataset(dataset, judged, options);
  const run = {
    dataset: dataset.name,
    split: options.split ?? null,
    judged_prefix: options.judgedPrefix ?? null,
    embedding,
  };
  await writeFiles(options, run, measured);
  const against = earlier && compareWith(earlier, run, measured);
  report(options, run, { measured, reading, against });
  if (against && Object.values(against).some((byMeasure) => isWorse(byMeasure[leading])))
    process.exitCode = 1;
}

/** The instance is gone before anything is reported: nothing that it says may follow the last line. */
async function measureDataset(dataset: Dataset, judged: readonly Place[][], options: EvalOptions) {
  const service = await startEvalService({
    folder: options.embeddingCache,
    needed: options.variants.some(({ mode }) => mode !== 'bm25'),
  });
  const bar = createBar();
  try {
    // Said before the collection is ingested.
    if (!service.reranks && options.variants.some(({ rerank }) => rerank))
      throw new Error('--rerank needs a reranker: set RERANKER to local (with RERANKER_MODEL_DIR) or gemini');
    bar.start(dataset.corpus.length, 0, { name: 'ingest' });
    const ids = await service.ingest(dataset.corpus, (done) => bar.update(done));
    bar.stop();
    const search: NamedSearch = async (text, request) =>
      (await service.search(text, request)).map((found) => ({
        ...found,
        document: ids.get(found.document) as string,
      }));
    return {
      measured: await measureAll(search, dataset, options.variants, bar),
      reading: await readAll(search, dataset, judged, options, bar),
      embedding: service.embedding,
    };
  } finally {
    await service.stop();
  }
}

/** Search whose passages name documents by the ids of the data set. */
type NamedSearch = EvalService['search'];

async function measureAll(
  search: NamedSearch,
  { queries }: Dataset,
  variants: readonly Variant[],
  bar: Bar,
): Promise<Map<string, Measured>> {
  const measured = new Map<string, Measured>();
  for (const variant of variants) {
    const { name } = variant;
    bar.start(queries.length, 0, { name });
    const request = { ...requestOf(variant), max_results: depth };
    const find = async (text: string) => [
      ...new Set((await search(text, request)).map(({ document }) => document)),
    ];
    measured.set(name, await measure(queries, find, () => bar.increment()));
    bar.stop();
  }
  return measured;
}

function requestOf({ mode, rerank }: Variant) {
  return { search_mode: mode, rerank };
}

/** What the first passages say, by strategy, for each way to put them together. */
async function readAll(
  search: NamedSearch,
  { queries }: Dataset,
  judged: readonly Place[][],
  { variants, readings: names, passages }: EvalOptions,
  bar: Bar,
): Promise<Map<string, ReadingResult[]>> {
  const results = new Map<string, ReadingResult[]>();
  for (const variant of names.length === 0 ? [] : variants) {
    const read = new Map<ReadingName, Read[]>();
    for (const name of names) {
      bar.start(queries.length, 0, { name: `${variant.name} ${name}` });
      const request = { ...requestOf(variant), max_results: passages, ...readings[name] };
      const all: Read[] = [];
      for (const [i, query] of queries.entries()) {
        all.push(readFound(query, await search(query.text, request), judged[i] ?? []));
        bar.increment();
      }
      read.set(name, all);
      bar.stop();
    }
    results.set(variant.name, summariseReadings(read));
  }
  return results;
}

async function writeFiles(
  { perQuery, baseline }: EvalOptions,
  run: RunOf,
  measured: ReadonlyMap<string, Measured>,
): Promise<void> {
  if (baseline !== undefined) await writeBaseline(baseline, run, measured);
  if (perQuery === undefined) return;
  const lines = [...measured].flatMap(([strategy, of]) =>
    of.perQuery.map((scores) => `${JSON.stringify({ strategy, ...scores })}\n`),
  );
  await writeFile(perQuery, lines.join(''));
}

interface Results {
  measured: ReadonlyMap<string, Measured>;
  reading: ReadonlyMap<string, ReadingResult[]>;
  against: ReturnType<typeof compareWith> | undefined;
}

function report(options: EvalOptions, run: RunOf, { measured, reading, against }: Results): void {
  const comparisons = compareStrategies(measured);
  printScores([run.dataset, run.split, run.judged_prefix].filter(Boolean).join(' '), measured);
  printComparisons(comparisons);
  for (const [strategy, results] of reading) printReadings(strategy, options.passages, results);
  if (against) printAgainst(options.against ?? '', against);
  if (!options.json) return;
  const strategies = Object.fromEntries([...measured].map(([name, { scores }]) => [name, scores]));
  const read = reading.size > 0 && { reading: Object.fromEntries(reading) };
  console.log(JSON.stringify({ ...run, strategies, comparisons, ...read, ...(against && { against }) }));
}

const [first, ...rest] = process.argv.slice(2);
const commands: Record<string, (args: readonly string[]) => Promise<void>> = {
  answers: evaluateAnswers,
  cases: evaluateCases,
  classify: evaluateClassifier,
  learning: evaluateLearning,
  planner: evaluatePlanner,
  traffic: evaluateTraffic,
};
await (commands[first ?? ''] ?? main)(rest);
