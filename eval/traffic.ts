import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { ndcg } from '../src/evaluation/measures.ts';
import { seededRandom } from '../src/evaluation/random.ts';
import { type Action, actions } from '../src/learning/policy.ts';
import { readIntent } from '../workers/answer/intent.ts';
import { type Dataset, type EvalQuery, readDataset } from './dataset.ts';
import { defaultCacheFolder } from './embedding-cache.ts';
import { startEvalService } from './service.ts';
import { type Asked, judgeLearning } from './traffic-learning.ts';
import { printTraffic } from './traffic-report.ts';

const usage = `npm run eval traffic -- --data DIR,DIR… [options]

Puts several judged collections into one index and replays their questions as traffic: on one half of them a policy learns which
retrieval is best, by the nDCG@10 of what it chose; on the other half it is compared with hybrid and with what is best in each state.

--per-collection N    so many questions of each, drawn at random; 400 when left out
--rounds N            how often the learning half is asked; 5 when left out
--policy NAME         which policy learns; thompson when left out
--measured FILE       what every action finds for every question: written when it is not there, read when it is
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
      'embedding-cache': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || values.data === undefined) {
    console.log(usage);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const known = values.measured === undefined ? undefined : await readMeasured(values.measured);
  const asked = known ?? (await measure(values.data.split(','), Number(values['per-collection']), values));
  if (values.measured !== undefined && !known) await writeFile(values.measured, JSON.stringify(asked));
  const options = { policy: values.policy, rounds: Number(values.rounds) };
  printTraffic(judgeLearning(asked, options), options);
}

async function readMeasured(path: string): Promise<Asked[] | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return text === undefined ? undefined : JSON.parse(text);
}

/** What every action finds for every question, in one index of all collections. */
async function measure(
  folders: readonly string[],
  most: number,
  { 'embedding-cache': cache }: { 'embedding-cache'?: string | undefined },
): Promise<Asked[]> {
  const datasets = await Promise.all(folders.map((folder) => readDataset(folder)));
  const folder = cache ?? process.env.EVAL_EMBEDDING_CACHE ?? defaultCacheFolder();
  const service = await startEvalService({ folder: folder === 'off' ? undefined : folder, needed: true });
  try {
    const names = new Map<string, string>();
    for (const { name, corpus } of datasets) {
      console.error(`${name}: ${corpus.length} passages`);
      const named = corpus.map((passage) => ({ ...passage, _id: `${name}/${passage._id}` }));
      for (const [id, passage] of await service.ingest(named, () => undefined)) names.set(id, passage);
    }
    const asked: Asked[] = [];
    for (const dataset of datasets)
      for (const query of draw(dataset, most)) {
        asked.push(await ask(dataset.name, query));
        if (asked.length % 100 === 0) console.error(`${asked.length} questions`);
      }
    return asked;

    async function ask(collection: string, query: EvalQuery): Promise<Asked> {
      const judged = new Map([...query.judged].map(([id, gain]) => [`${collection}/${id}`, gain]));
      const gains: Partial<Record<Action, number>> = {};
      let evidence = { keyword: 0, vector: null as number | null };
      for (const action of actions) {
        const found = await service.retrieve(query.text, passages, () => action);
        if (action === 'hybrid:direct') evidence = found.evidence;
        const ranked = [...new Set(found.passages.map(({ documentId }) => names.get(documentId) ?? ''))];
        gains[action] = ndcg(ranked, judged, 10);
      }
      const { keyword, vector } = evidence;
      const { kind } = readIntent(query.text, 'answer');
      return {
        collection,
        question: query.text,
        kind,
        keyword,
        vector,
        gains: actions.map((a) => gains[a] ?? 0),
      };
    }
  } finally {
    await service.stop();
  }
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
