import { parseArgs } from 'node:util';
import cliProgress from 'cli-progress';
import { bootstrap, mean, ndcg, recall, reciprocalRank } from '../src/evaluation/measures.ts';
import { type Dataset, readDataset } from './dataset.ts';
import { type EvalService, startEvalService } from './service.ts';

const usage = `npm run eval -- --data DIR [--strategy keyword,vector,hybrid] [--split test] [--limit N] [--json]

Ingests a judged collection into a temporary instance and measures the product's own search.
DIR holds corpus.jsonl, queries.jsonl and qrels.tsv. --split: only queries of this split. --limit: only the first N queries.
--json: the result as the last line of standard output.`;

const modes = { keyword: 'bm25', vector: 'vector', hybrid: 'hybrid' } as const;
type StrategyName = keyof typeof modes;

/** Deep enough for recall@100 of documents; search gives at most 100 passages. */
const depth = 100;

interface Scores {
  'ndcg@10': number;
  'ndcg@10_interval': [number, number];
  'recall@10': number;
  'recall@100': number;
  'mrr@10': number;
  queries: number;
  ms_per_query: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: 'string' },
      strategy: { type: 'string', default: 'keyword,vector,hybrid' },
      split: { type: 'string' },
      limit: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || values.data === undefined) {
    console.log(usage);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const names = values.strategy.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !(name in modes));
  if (unknown !== undefined)
    throw new Error(`--strategy takes ${Object.keys(modes).join(', ')}, not ${unknown}`);
  const dataset = await readDataset(values.data, values.split);
  if (values.limit !== undefined) dataset.queries.splice(Number(values.limit));
  console.error(`${dataset.name}: ${dataset.corpus.length} passages, ${dataset.queries.length} queries`);
  const service = await startEvalService();
  try {
    const strategies = await measureAll(service, dataset, names as StrategyName[]);
    print(dataset.name, strategies);
    if (values.json)
      console.log(JSON.stringify({ dataset: dataset.name, split: values.split ?? null, strategies }));
  } finally {
    await service.stop();
  }
}

async function measureAll(
  service: EvalService,
  dataset: Dataset,
  names: StrategyName[],
): Promise<Record<string, Scores>> {
  const bar = new cliProgress.SingleBar({
    format: '{name} {bar} {value}/{total} {eta_formatted}',
    stream: process.stderr,
    noTTYOutput: true,
    notTTYSchedule: 15_000,
  });
  bar.start(dataset.corpus.length, 0, { name: 'ingest' });
  const ids = await service.ingest(dataset.corpus, (done) => bar.update(done));
  bar.stop();
  const strategies: Record<string, Scores> = {};
  for (const name of names) {
    bar.start(dataset.queries.length, 0, { name });
    strategies[name] = await measure(service, dataset, ids, modes[name], () => bar.increment());
    bar.stop();
  }
  return strategies;
}

async function measure(
  service: EvalService,
  { queries }: Dataset,
  ids: Map<string, string>,
  mode: string,
  tick: () => void,
): Promise<Scores> {
  const values = {
    ndcg: [] as number[],
    recall10: [] as number[],
    recall100: [] as number[],
    mrr: [] as number[],
  };
  const started = performance.now();
  for (const { text, judged } of queries) {
    const ranked = (await service.search(text, mode, depth)).map((id) => ids.get(id) as string);
    values.ndcg.push(ndcg(ranked, judged, 10));
    values.recall10.push(recall(ranked, judged, 10));
    values.recall100.push(recall(ranked, judged, 100));
    values.mrr.push(reciprocalRank(ranked, judged, 10));
    tick();
  }
  return {
    'ndcg@10': mean(values.ndcg),
    'ndcg@10_interval': bootstrap(values.ndcg),
    'recall@10': mean(values.recall10),
    'recall@100': mean(values.recall100),
    'mrr@10': mean(values.mrr),
    queries: queries.length,
    ms_per_query: (performance.now() - started) / Math.max(1, queries.length),
  };
}

function print(name: string, strategies: Record<string, Scores>): void {
  const row = (cells: string[]) =>
    console.log(
      cells.map((cell, i) => (i === 0 ? cell.padEnd(10) : cell.padStart(i === 1 ? 20 : 11))).join(''),
    );
  console.log(`\n${name}`);
  row(['strategy', 'nDCG@10 (95 %)', 'recall@10', 'recall@100', 'MRR@10', 'queries', 'ms/query']);
  for (const [strategy, s] of Object.entries(strategies)) {
    const [low, high] = s['ndcg@10_interval'];
    row([
      strategy,
      `${s['ndcg@10'].toFixed(3)} [${low.toFixed(3)} ${high.toFixed(3)}]`,
      s['recall@10'].toFixed(3),
      s['recall@100'].toFixed(3),
      s['mrr@10'].toFixed(3),
      String(s.queries),
      s.ms_per_query.toFixed(0),
    ]);
  }
}

await main();
