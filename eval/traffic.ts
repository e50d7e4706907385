import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { ndcg } from '../src/evaluation/measures.ts';
import { seededRandom } from '../src/evaluation/random.ts';
import { actions, fixedAction } from '../src/learning/policy.ts';
import { readIntent } from '../workers/answer/intent.ts';
import { type Dataset, type EvalQuery, readDataset } from './dataset.ts';
import { defaultCacheFolder } from './embedding-cache.ts';
import { type EvalService, startEvalService } from './service.ts';
import { type Asked, judgeLearning } from './traffic-learning.ts';
import { printTraffic } from './traffic-report.ts';

const usage = `npm run eval traffic -- --data DIR,DIR… [options]

Puts several judged collections into one index and replays their questions as traffic: on one half of them a policy learns which
retrieval is best, by the nDCG@10 of what it chose; on the other half it is compared with hybrid and with what is best in each state.

--per-collection N    so many questions of each, drawn at random; 400 when left out
--rounds N            how often the learning half is asked; 5 when left out
--policy NAME         which policy learns; thompson when left out
--measured FILE       what every action finds for every question: written as it is found, so that a run that was broken off goes on
--index DIR           the index is kept there, and used where it is there already
--embedding-cache DIR as for npm run eval`;

/** Deep enough for ten documents, several passages of one of them included. */
const passages = 20;

export async function evaluateTraffic(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: 'string' },
      'per-collection': { type: 'string', default: '400' },
      rounds: { type: 'string', default: '5' },
      policy: { type: 'string', default: 'thompson' },
      measured: { type: 'string' },
      index: { type: 'string' },
      'embedding-cache': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || values.data === undefined) {
    console.log(usage);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const datasets = await Promise.all(values.data.split(',').map((folder) => readDataset(folder)));
  const asked = await measure(datasets, Number(values['per-collection']), values);
  const options = { policy: values.policy, rounds: Number(values.rounds) };
  printTraffic(judgeLearning(asked, options), options);
}

async function readMeasured(path: string | undefined): Promise<Asked[]> {
  if (path === undefined) return [];
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '[]';
    throw error;
  });
  return JSON.parse(text);
}

interface Measuring {
  measured?: string | undefined;
  index?: string | undefined;
  'embedding-cache'?: string | undefined;
}

/** What every action finds for every question, in one index of all collections; what was measured before is not asked again. */
async function measure(
  datasets: readonly Dataset[],
  most: number,
  { measured, index, 'embedding-cache': cache }: Measuring,
): Promise<Asked[]> {
  const keyOf = (collection: string, question: string) => JSON.stringify([collection, question]);
  const known = new Map(
    (await readMeasured(measured)).map((one) => [keyOf(one.collection, one.question), one]),
  );
  const wanted = datasets.flatMap((dataset) => draw(dataset, most).map((query) => ({ dataset, query })));
  const keys = wanted.map(({ dataset, query }) => keyOf(dataset.name, query.text));
  const missing = wanted.filter((_, i) => !known.has(keys[i] ?? ''));
  if (missing.length === 0) return keys.map((key) => known.get(key) as Asked);
  const folder = cache ?? process.env.EVAL_EMBEDDING_CACHE ?? defaultCacheFolder();
  const vectors = { folder: folder === 'off' ? undefined : folder, needed: true };
  const service = await startEvalService(vectors, index);
  try {
    const names = await ingestAll(service, datasets);
    for (const [n, { dataset, query }] of missing.entries()) {
      known.set(keyOf(dataset.name, query.text), await tryAll(service, names, dataset.name, query));
      if ((n + 1) % 100 !== 0 && n + 1 < missing.length) continue;
      console.error(`${n + 1} of ${missing.length} questions`);
      if (measured !== undefined) await writeFile(measured, JSON.stringify([...known.values()]));
    }
    return keys.map((key) => known.get(key) as Asked);
  } finally {
    await service.stop();
  }
}

/** Document id → name of the passage. */
async function ingestAll(
  service: EvalService,
  datasets: readonly Dataset[],
): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  for (const { name, corpus } of datasets) {
    console.error(`${name}: ${corpus.length} passages`);
    const named = corpus.map((passage) => ({ ...passage, _id: `${name}/${passage._id}` }));
    for (const [id, passage] of await service.ingest(named, () => undefined)) names.set(id, passage);
  }
  return names;
}

/** A question with every action. */
async function tryAll(
  service: EvalService,
  names: ReadonlyMap<string, string>,
  collection: string,
  { judged, text }: EvalQuery,
): Promise<Asked> {
  const gainOf = new Map([...judged].map(([id, gain]) => [`${collection}/${id}`, gain]));
  const gains: number[] = [];
  let evidence: Pick<Asked, 'keyword' | 'vector'> = { keyword: 0, vector: null };
  for (const action of actions) {
    const found = await service.retrieve(text, passages, () => action);
    if (action === fixedAction) evidence = found.evidence;
    const ranked = [...new Set(found.passages.map(({ documentId }) => names.get(documentId) ?? ''))];
    gains.push(ndcg(ranked, gainOf, 10));
  }
  const { keyword, vector } = evidence;
  return { collection, question: text, kind: readIntent(text, 'answer').kind, keyword, vector, gains };
}

/** A sample without replacement, the same every time. */
function draw({ queries }: Dataset, most: number): EvalQuery[] {
  const random = seededRandom(1);
  return queries
    .map((query) => ({ query, at: random() }))
    .sort((a, b) => a.at - b.at)
    .slice(0, most)
    .map(({ query }) => query);
}
