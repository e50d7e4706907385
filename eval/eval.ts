import { writeFile } from 'node:fs/promises';
import cliProgress from 'cli-progress';
import { compareWith, isWorse, type RunOf, readBaseline, writeBaseline } from './baseline.ts';
import { type Dataset, readDataset } from './dataset.ts';
import { depth, type Measured, measure } from './measure.ts';
import { type EvalOptions, readOptions, usage, type Variant } from './options.ts';
import { compareStrategies, leading, printAgainst, printComparisons, printScores } from './report.ts';
import { type EvalService, startEvalService } from './service.ts';

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') {
    console.log(usage);
    process.exitCode = process.argv.includes('--help') ? 0 : 2;
    return;
  }
  // Read first: a wrong path must not show after half an hour.
  const earlier = options.against === undefined ? undefined : await readBaseline(options.against);
  const dataset = await readDataset(options.data, options);
  console.error(`${dataset.name}: ${dataset.corpus.length} passages, ${dataset.queries.length} queries`);
  const { measured, embedding } = await measureDataset(dataset, options);
  const run = {
    dataset: dataset.name,
    split: options.split ?? null,
    judged_prefix: options.judgedPrefix ?? null,
    embedding,
  };
  await writeFiles(options, run, measured);
  const against = earlier && compareWith(earlier, run, measured);
  report(options, run, measured, against);
  if (against && Object.values(against).some((byMeasure) => isWorse(byMeasure[leading])))
    process.exitCode = 1;
}

/** The instance is gone before anything is reported: nothing that it says may follow the last line. */
async function measureDataset(dataset: Dataset, { embeddingCache, variants }: EvalOptions) {
  const service = await startEvalService(embeddingCache);
  try {
    // Said before the collection is ingested.
    if (!service.reranks && variants.some(({ rerank }) => rerank))
      throw new Error('--rerank needs a reranker: set RERANKER to local (with RERANKER_MODEL_DIR) or gemini');
    return {
      measured: await measureAll(service, dataset, variants),
      embedding: service.embedding,
    };
  } finally {
    await service.stop();
  }
}

async function measureAll(
  service: EvalService,
  { corpus, queries }: Dataset,
  variants: readonly Variant[],
): Promise<Map<string, Measured>> {
  const bar = new cliProgress.SingleBar({
    format: '{name} {bar} {value}/{total} {eta_formatted}',
    stream: process.stderr,
    noTTYOutput: true,
    notTTYSchedule: 15_000,
  });
  bar.start(corpus.length, 0, { name: 'ingest' });
  const ids = await service.ingest(corpus, (done) => bar.update(done));
  bar.stop();
  const measured = new Map<string, Measured>();
  for (const variant of variants) {
    const { name } = variant;
    bar.start(queries.length, 0, { name });
    const find = async (text: string) =>
      (await service.search(text, variant, depth)).map((id) => ids.get(id) as string);
    measured.set(name, await measure(queries, find, () => bar.increment()));
    bar.stop();
  }
  return measured;
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

function report(
  options: EvalOptions,
  run: RunOf,
  measured: ReadonlyMap<string, Measured>,
  against: ReturnType<typeof compareWith> | undefined,
): void {
  const comparisons = compareStrategies(measured);
  printScores([run.dataset, run.split, run.judged_prefix].filter(Boolean).join(' '), measured);
  printComparisons(comparisons);
  if (against) printAgainst(options.against ?? '', against);
  if (!options.json) return;
  const strategies = Object.fromEntries([...measured].map(([name, { scores }]) => [name, scores]));
  console.log(JSON.stringify({ ...run, strategies, comparisons, ...(against && { against }) }));
}

await main();
