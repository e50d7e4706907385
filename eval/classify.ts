import { basename, resolve } from 'node:path';
import { type Classifier, learn } from '../src/classify/classifier.ts';
import { decide, weighTree } from '../src/classify/decide.ts';
import { itemsOf } from '../src/classify/gather.ts';
import { type Item, toItem } from '../src/classify/item.ts';
import { readConfig } from '../src/config.ts';
import { seededRandom } from '../src/evaluation/random.ts';
import { createEmbedderPool } from '../src/models/embedder-pool.ts';
import { type LabelledSet, type LabelledText, readLabelled } from './classify-data.ts';
import { type Measures, meanMeasures, measureOutcomes, type Outcome } from './classify-measures.ts';
import { type ClassifyOptions, classifyUsage, readClassifyOptions } from './classify-options.ts';
import { printClassified } from './classify-report.ts';
import { cacheEmbeddings } from './embedding-cache.ts';

/** The evaluation of classification: what docs/classification.md describes. */
export async function evaluateClassifier(args: readonly string[]): Promise<void> {
  const options = readClassifyOptions(args);
  if (options === 'help') {
    console.log(classifyUsage);
    process.exitCode = args.includes('--help') ? 0 : 2;
    return;
  }
  const set = await readLabelled(options);
  const name = basename(resolve(options.data));
  console.error(
    `${name}: ${set.learned.length} texts to learn from, ${set.judged.length} to judge, ${set.paths.length} classes`,
  );
  const { itemOf, embedding } = await readItems(set, options);
  const results: Record<string, Measures> = {};
  for (const perClass of options.perClass) {
    const draws: Measures[] = [];
    for (let draw = 1; draw <= options.draws; draw++) {
      draws.push(await judgeDraw(set, itemOf, options, perClass, draw));
      console.error(`${perClass} a class, draw ${draw}: ${draws.at(-1)?.accuracy.toFixed(3)}`);
    }
    results[perClass] = meanMeasures(draws);
    printClassified(
      `${name}, ${perClass} a class, mean of ${options.draws} draws`,
      results[perClass],
      options.threshold,
    );
  }
  const { draws, unlabelled, threshold, judge } = options;
  const run = { dataset: name, judge, draws, unlabelled, threshold, embedding, per_class: results };
  if (options.json) console.log(JSON.stringify(run));
}

type ItemOf = (text: string) => Item;

/** Every text as the classifier sees it, by the embedding model that the configuration names. */
async function readItems(
  set: LabelledSet,
  options: ClassifyOptions,
): Promise<{ itemOf: ItemOf; embedding: string | null }> {
  const texts = [...set.learned, ...set.judged].map(({ text }) => text);
  const all = [...new Set([...texts, ...set.paths.map(nameOf)])];
  if (!options.embeddings) {
    const items = new Map(all.map((text) => [text, toItem(text, null, 0)]));
    return { itemOf: (text) => items.get(text) as Item, embedding: null };
  }
  const config = readConfig({ ...process.env, DATABASE_URL: undefined, REDIS_URL: undefined });
  const pool = createEmbedderPool({
    provider: config.EMBEDDING_PROVIDER,
    ...(config.EMBEDDING_MODEL_DIR ? { modelDir: config.EMBEDDING_MODEL_DIR } : {}),
    ...(config.GEMINI_API_KEY ? { geminiApiKey: config.GEMINI_API_KEY } : {}),
    ...(config.GEMINI_BASE_URL ? { geminiBaseUrl: config.GEMINI_BASE_URL } : {}),
    geminiModel: config.EMBEDDING_MODEL,
    dimensions: config.EMBEDDING_DIMENSIONS,
  });
  try {
    const plain = await pool.configured();
    const embedder = options.embeddingCache ? await cacheEmbeddings(plain, options.embeddingCache) : plain;
    const items = new Map<string, Item>();
    for (let at = 0; at < all.length; at += 100) {
      const some = all.slice(at, at + 100);
      for (const [i, item] of (await itemsOf(embedder, some)).entries()) items.set(some[i] as string, item);
      if (at % 1000 === 0) console.error(`embedded ${at + some.length} of ${all.length}`);
    }
    return { itemOf: (text) => items.get(text) as Item, embedding: embedder.model };
  } finally {
    await pool.close();
  }
}

/** What a node is called: its label, and above it those of its ancestors. */
function nameOf(path: readonly string[]): string {
  return path.toReversed().join('\n');
}

async function judgeDraw(
  { learned, judged, paths }: LabelledSet,
  itemOf: ItemOf,
  options: ClassifyOptions,
  perClass: number,
  seed: number,
): Promise<Measures> {
  const keys = new Map(paths.map((path, i) => [JSON.stringify(path), i]));
  const classOf = ({ path }: LabelledText) => keys.get(JSON.stringify(path)) as number;
  const { examples, rest } = draw(learned, classOf, perClass, seed);
  const classifier = await learn({
    classes: paths.length,
    examples: examples.map((one) => ({ item: itemOf(one.text), of: classOf(one) })),
    names: paths.map((path) => itemOf(nameOf(path))),
    pool: rest.slice(0, options.unlabelled).map(({ text }) => itemOf(text)),
  });
  const nodes = paths.map((path, index) => ({ path, index }));
  // A parent that no text belongs to directly can still be backed off to.
  const parents = [
    ...new Map(
      paths.flatMap((path) =>
        path
          .slice(0, -1)
          .map((_, i) => [JSON.stringify(path.slice(0, i + 1)), path.slice(0, i + 1)] as const),
      ),
    ),
  ]
    .filter(([key]) => !keys.has(key))
    .map(([, path]) => ({ path, index: -1 }));
  const tree = [...nodes, ...parents];
  const outcomes = judged.map((one): Outcome => {
    const probabilities = new Float64Array(tree.length);
    probabilities.set(classifier.classify(itemOf(one.text)));
    const weighed = weighTree(tree, probabilities, paths.length);
    const best = weighed[0] as (typeof weighed)[number];
    const decision = decide(weighed, options.threshold) as NonNullable<
      ReturnType<typeof decide<(typeof tree)[number]>>
    >;
    const { path } = decision.node;
    return {
      right: classOf(one),
      guessed: best.node.index,
      confidence: best.own,
      depth: one.path.length,
      levelsRight: sharedLabels(best.node.path, one.path),
      decided: !decision.review,
      backedOff: decision.backedOff,
      decidedRight: path.every((label, i) => one.path[i] === label),
    };
  });
  return measureOutcomes(outcomes, knownOf(classifier));
}

/** How many labels from the root on are the same. */
function sharedLabels(a: readonly string[], b: readonly string[]): number {
  const first = a.findIndex((label, i) => label !== b[i]);
  return first < 0 ? a.length : first;
}

function knownOf({ judged }: Classifier) {
  return judged.map(({ probabilities, of }) => {
    const confidence = Math.max(...probabilities);
    return { confidence, right: probabilities[of] === confidence };
  });
}

/** The first `perClass` texts of each class in an order drawn by the seed; the rest in that order. */
function draw(
  texts: readonly LabelledText[],
  classOf: (text: LabelledText) => number,
  perClass: number,
  seed: number,
) {
  const random = seededRandom(seed);
  const drawn = texts.map((text) => ({ text, key: random() })).sort((a, b) => a.key - b.key);
  const taken = new Map<number, number>();
  const examples: LabelledText[] = [];
  const rest: LabelledText[] = [];
  for (const { text } of drawn) {
    const count = taken.get(classOf(text)) ?? 0;
    (count < perClass ? examples : rest).push(text);
    taken.set(classOf(text), count + 1);
  }
  return { examples, rest };
}
