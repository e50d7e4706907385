import type { NewSuggestion } from '../../../src/db/taxonomy-suggestions.ts';
import { distinguishable } from '../../../src/evolution/distinguish.ts';
import { centroidOf, cosine } from '../../../src/evolution/vectors.ts';
import { round } from './find-splits.ts';
import type { Sample, SampledNode } from './sample.ts';

const fewestDocuments = 10;
/** Documents of which node can be told no better than this: .5 is not at all, and different news sections are at .83 and above. */
const indistinguishable = 0.65;
/** Pairs that are looked at, the likest first. */
const mostPairs = 200;

/** Pairs of nodes whose documents nobody could tell apart by what they say. One above the other is no pair. */
export function findMerges({ nodes, signal }: Sample): NewSuggestion[] {
  const large = nodes
    .filter(({ sample }) => sample.length >= fewestDocuments)
    .map((node) => ({ node, centroid: centroidOf(node.sample.map(({ vector }) => vector)) }));
  const pairs = large.flatMap((a, i) =>
    large
      .slice(i + 1)
      .filter((b) => !isAbove(a.node, b.node) && !isAbove(b.node, a.node))
      .map((b) => ({ a: a.node, b: b.node, likeness: cosine(a.centroid, b.centroid) })),
  );
  pairs.sort((x, y) => y.likeness - x.likeness);
  return pairs.slice(0, mostPairs).flatMap(({ a, b, likeness }) => {
    signal.throwIfAborted();
    const told = distinguishable(vectorsOf(a), vectorsOf(b));
    if (told > indistinguishable) return [];
    // Into the larger one, so that fewer documents move.
    const [into, from] = a.documents >= b.documents ? [a, b] : [b, a];
    return {
      ...{ kind: 'merge' as const, nodeIds: [from.id, into.id] },
      about: `merge ${[a.id, b.id].sort().join(' ')}`,
      evidence: {
        from: { path: from.path, documents: from.documents },
        into: { path: into.path, documents: into.documents },
        documents: a.documents + b.documents,
        told_apart: round(told),
        likeness: round(likeness),
      },
      documents: [],
    };
  });
}

function vectorsOf({ sample }: SampledNode) {
  return sample.map(({ vector }) => vector);
}

function isAbove(a: SampledNode, b: SampledNode): boolean {
  return a.path.every((label, i) => b.path[i] === label);
}
