import { readLiveGeneration } from '../../../src/db/generations.ts';
import {
  type NodeSize,
  readMembers,
  readUnplaced,
  type SampledDocument,
  sampleDocuments,
} from '../../../src/db/taxonomy-sample.ts';
import { featuresOf, idfOf } from '../../../src/evolution/features.ts';
import type { Vector } from '../../../src/evolution/vectors.ts';
import type { Embedder } from '../../../src/models/embedder.ts';
import type { Context } from '../../context.ts';

/** Documents that speak for a node, and for all that stand nowhere. */
const [perNode, unplacedRead] = [100, 500];

export interface Sampled extends SampledDocument {
  vector: Vector;
}

export interface SampledNode extends NodeSize {
  sample: Sampled[];
}

/** What suggestions are made of: some documents of every node, comparable with each other. */
export interface Sample {
  nodes: SampledNode[];
  unplaced: Sampled[];
  idf: ReadonlyMap<string, number>;
  /** Every document of a node, page by page, as vectors to the same scale. */
  members(node: NodeSize, limit: number): Promise<Sampled[]>;
  signal: AbortSignal;
}

export async function openSample(
  { db, embedders, signal }: Pick<Context, 'db' | 'embedders' | 'signal'>,
  nodes: readonly NodeSize[],
): Promise<Sample> {
  const live = await readLiveGeneration(db);
  const embedder = live ? await embedders.of(live) : null;
  const read = (ids: readonly string[]) => sampleDocuments(db, ids, embedder?.model ?? null);
  const texts = new Map<string, SampledDocument[]>();
  for (const { id } of nodes) {
    signal.throwIfAborted();
    texts.set(id, await read(await readMembers(db, id, perNode)));
  }
  const unplaced = await read(await readUnplaced(db, unplacedRead));
  const idf = idfOf([...texts.values(), unplaced].flat().map(({ words }) => words));
  const toVector = (document: SampledDocument): Sampled => ({
    ...document,
    vector: featuresOf(
      { ...document, readable: readableShare(embedder, document) },
      idf,
      embedder?.dimensions ?? 0,
    ),
  });
  return {
    nodes: nodes.map((node) => ({ ...node, sample: (texts.get(node.id) ?? []).map(toVector) })),
    unplaced: unplaced.map(toVector),
    idf,
    members: async ({ id }, limit) => {
      const all: Sampled[] = [];
      for (let offset = 0; offset < limit; offset += perPage) {
        signal.throwIfAborted();
        const ids = await readMembers(db, id, Math.min(perPage, limit - offset), offset);
        all.push(...(await read(ids)).map(toVector));
        if (ids.length < perPage) break;
      }
      return all;
    },
    signal,
  };
}

const perPage = 500;

function readableShare(embedder: Embedder | null, { beginning, embedding }: SampledDocument): number {
  return embedder && embedding ? embedder.reads(beginning) : 0;
}
