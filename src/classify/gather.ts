import type { Knex } from 'knex';
import { keepExampleVector, readExamples, type TaughtExample } from '../db/classify-examples.ts';
import {
  type ChunkToClassify,
  fixLesson,
  type LessonKey,
  type NodeToLearn,
  readChunks,
  readRules,
  readTaughtPlaces,
} from '../db/classify-lesson.ts';
import type { Embedder } from '../models/embedder.ts';
import { isSound } from '../retrieval/sounds.ts';
import { type Item, joinItems, meanOf, shorten, toItem, viewsOf } from './item.ts';
import type { KnownExample } from './judge.ts';
import type { Rule } from './rules.ts';

/** All that one classifier is learned from, read. */
export interface Gathered {
  classifierId: string;
  /** Of examples and rules. */
  revision: string;
  taxonomyVersion: string;
  /** What can be told apart, in the order of classes. */
  nodes: NodeToLearn[];
  /** The other nodes: above some of these, without examples of their own. */
  parents: NodeToLearn[];
  examples: KnownExample[];
  names: Item[];
  pool: Item[];
  rules: { node: string; rule: Rule }[];
  /** How many nodes have three examples, a description or a rule. */
  described: number;
}

/** A document's chunks are enough of it to learn from. */
const chunksPerDocument = 12;

export async function gather(db: Knex, embedder: Embedder | null, key: LessonKey): Promise<Gathered> {
  const lesson = await fixLesson(db, key);
  const rules = await readRules(db);
  const texts = await readExamples(db, embedder?.model ?? '');
  const corrected = texts.flatMap(({ documentId }) => documentId ?? []);
  const wanted = new Set([...lesson.given, ...corrected]);
  const items = await documentItems(db, embedder, [...new Set([...wanted, ...lesson.pool])]);
  const places = await readTaughtPlaces(db, lesson.given);
  const taught = [
    ...places
      .filter(({ documentId }) => !corrected.includes(documentId))
      .map(({ documentId, nodeId }) => ({ nodeId, title: 'a document', item: items.get(documentId) })),
    ...(await exampleItems(db, embedder, texts, items)),
  ].flatMap((one) => (one.item ? [{ ...one, item: one.item }] : []));
  const ruled = new Set(rules.map(({ node }) => node));
  const exemplified = new Set(taught.map(({ nodeId }) => nodeId));
  const isParent = parentsOf(key.nodes);
  const rich = (node: NodeToLearn) =>
    exemplified.has(node.id) || ruled.has(node.id) || node.description.trim() !== '';
  // A machine acts by itself where there is more to go by than a name and a single text.
  const counts = new Map<string, number>();
  for (const { nodeId } of taught) counts.set(nodeId, (counts.get(nodeId) ?? 0) + 1);
  const isKnown = (node: NodeToLearn) =>
    (counts.get(node.id) ?? 0) >= 3 || ruled.has(node.id) || node.description.trim() !== '';
  const nodes = key.nodes.filter((node) => rich(node) || !isParent(node));
  const classes = new Map(nodes.map(({ id }, of) => [id, of]));
  return {
    classifierId: lesson.id,
    revision: key.revision,
    taxonomyVersion: lesson.taxonomyVersion,
    nodes,
    parents: key.nodes.filter(({ id }) => !classes.has(id)),
    examples: taught.flatMap(({ nodeId, title, item }) => {
      const of = classes.get(nodeId);
      return of === undefined ? [] : [{ item, of, title }];
    }),
    names: await itemsOf(embedder, nodes.map(nameOf)),
    pool: lesson.pool.flatMap((id) => (wanted.has(id) ? [] : (items.get(id) ?? []))),
    rules,
    described: nodes.filter(isKnown).length,
  };
}

/** What a node is called: its label, what is said of it, and the labels above it. */
export function nameOf({
  path,
  label,
  description,
}: Pick<NodeToLearn, 'path' | 'label' | 'description'>): string {
  return [label, description, ...path.slice(0, -1).toReversed()].filter((part) => part !== '').join('\n');
}

function parentsOf(nodes: readonly NodeToLearn[]): (node: NodeToLearn) => boolean {
  const above = new Set(nodes.map(({ path }) => JSON.stringify(path.slice(0, -1))));
  return ({ path }) => above.has(JSON.stringify(path));
}

/** Items of texts, with the vectors that the model gives them. */
export async function itemsOf(
  embedder: Embedder | null,
  texts: readonly string[],
  signal?: AbortSignal,
): Promise<Item[]> {
  if (!embedder) return texts.map((text) => toItem(text, null, 0));
  const views = texts.map(viewsOf);
  const flat = views.flat();
  const vectors: Float32Array[] = [];
  for (let at = 0; at < flat.length; at += embedder.maxBatch) {
    const some = flat.slice(at, at + embedder.maxBatch);
    vectors.push(...(await embedder.embed(some, { task: 'passage', ...(signal && { signal }) })));
  }
  return texts.map((text, i) => {
    const own = vectors.splice(0, (views[i] as string[]).length);
    return toItem(text, meanOf(own), embedder.reads(text));
  });
}

async function exampleItems(
  db: Knex,
  embedder: Embedder | null,
  examples: readonly TaughtExample[],
  documents: ReadonlyMap<string, Item>,
) {
  const bare = examples.filter(({ text, embedding }) => text !== null && !embedding);
  const made = await itemsOf(
    embedder,
    bare.map(({ text }) => text as string),
  );
  const items = new Map(bare.map(({ id }, i) => [id, made[i] as Item]));
  for (const [id, { vector }] of items)
    if (embedder && vector) await keepExampleVector(db, id, embedder.model, vector);
  return examples.map(({ id, nodeId, documentId, text, embedding }) => {
    if (documentId !== null) return { nodeId, title: 'a document', item: documents.get(documentId) };
    const known =
      embedding && toItem(text ?? '', Float32Array.from(embedding), embedder?.reads(text ?? '') ?? 0);
    return { nodeId, title: (text ?? '').slice(0, 80), item: known || items.get(id) };
  });
}

const documentsAtOnce = 100;

async function documentItems(
  db: Knex,
  embedder: Embedder | null,
  ids: readonly string[],
): Promise<Map<string, Item>> {
  const items = new Map<string, Item>();
  for (let at = 0; at < ids.length; at += documentsAtOnce) {
    const chunks = await readChunks(db, ids.slice(at, at + documentsAtOnce), {
      model: embedder?.model ?? '',
      most: chunksPerDocument,
    });
    for (const [id, some] of chunks)
      items.set(id, joinItems(some.map((chunk) => chunkItem(chunk, embedder))));
  }
  return items;
}

/** A stored chunk as the classifier sees it: its words and its vector are there already. */
export function chunkItem(
  { words, frequencies, embedding, text }: ChunkToClassify,
  embedder: Embedder | null,
): Item {
  const counts = words.flatMap((word, i): [string, number][] =>
    isSound(word) ? [] : [[word, frequencies[i] as number]],
  );
  const vector = embedding && shorten(Float32Array.from(embedding));
  return { vector, readable: vector && embedder ? embedder.reads(text) : 0, words: new Map(counts) };
}
