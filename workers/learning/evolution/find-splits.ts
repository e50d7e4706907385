import type { NewSuggestion } from '../../../src/db/taxonomy-suggestions.ts';
import { tellingWords } from '../../../src/evolution/features.ts';
import { nearest, predictionStrength, twoMeans } from '../../../src/evolution/two-means.ts';
import { cosine } from '../../../src/evolution/vectors.ts';
import type { Sample, Sampled, SampledNode } from './sample.ts';

/** A node of fewer documents is not too large; parts of a smaller share are exceptions rather than a part. */
const [fewestDocuments, smallestShare] = [24, 0.2];
/** From here on parts are real (Tibshirani & Walther 2005). */
const realFrom = 0.8;
/** Documents of a node that are put to a part; those beyond go with the first. */
const mostMembers = 20_000;
const [wordsShown, examplesShown] = [8, 5];

/** Nodes whose documents fall into two parts that each half of them shows again. */
export async function findSplits(sample: Sample): Promise<NewSuggestion[]> {
  const found: NewSuggestion[] = [];
  for (const node of sample.nodes) {
    if (node.sample.length < fewestDocuments) continue;
    sample.signal.throwIfAborted();
    const vectors = node.sample.map(({ vector }) => vector);
    const strength = predictionStrength(vectors);
    const { centroids, labels } = twoMeans(vectors);
    const ones = labels.filter((label) => label === 1).length;
    if (strength < realFrom || Math.min(ones, labels.length - ones) < smallestShare * labels.length) continue;
    const members = await sample.members(node, mostMembers);
    const parts = members.map(({ id, vector }) => ({ id, part: nearest(vector, centroids) }));
    found.push({
      ...{ kind: 'split', nodeIds: [node.id], about: `split ${node.id}` },
      evidence: {
        path: node.path,
        documents: node.documents,
        prediction_strength: round(strength),
        likeness_of_parts: round(cosine(...centroids)),
        parts: [0, 1].map((part) => ({
          documents: parts.filter((one) => one.part === part).length,
          ...describe(node, labels, part, sample.idf),
        })),
      },
      documents: parts,
    });
  }
  return found;
}

function describe(
  { sample }: SampledNode,
  labels: readonly number[],
  part: number,
  idf: ReadonlyMap<string, number>,
) {
  const own = sample.filter((_, i) => labels[i] === part);
  const others = sample.filter((_, i) => labels[i] !== part);
  return { words: wordsOf(own, others, idf), examples: examplesOf(own) };
}

export function wordsOf(
  own: readonly Sampled[],
  others: readonly Sampled[],
  idf: ReadonlyMap<string, number>,
): string[] {
  return tellingWords(
    own.map(({ words }) => words),
    others.map(({ words }) => words),
    idf,
    wordsShown,
  );
}

/** Ids alone: what documents say of themselves goes with them. */
export function examplesOf(documents: readonly Sampled[]): string[] {
  return documents.slice(0, examplesShown).map(({ id }) => id);
}

export function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
