import type { Db } from '../../../src/db/connect.ts';
import { readUnanswered } from '../../../src/db/taxonomy-sample.ts';
import type { NewSuggestion } from '../../../src/db/taxonomy-suggestions.ts';
import { featuresOf, idfOf, tellingWords } from '../../../src/evolution/features.ts';
import { alikeByChance, findClusters } from '../../../src/evolution/find-clusters.ts';
import { centroidOf, cosine } from '../../../src/evolution/vectors.ts';
import { analyze } from '../../../src/retrieval/analyze.ts';
import { examplesOf, round, wordsOf } from './find-splits.ts';
import type { Sample, Sampled } from './sample.ts';

const [fewestDocuments, mostClusters, wordsShown] = [8, 10, 8];
/** Likeness of two documents that is no coincidence, where there are too few nodes to measure it. */
const alikeOtherwise = 0.25;
/** A cluster this like a node belongs there rather than in a node of its own. */
const belongs = 0.8;

/** Clusters of documents that stand nowhere, and belong to no node there is. */
export function findMissing({ nodes, unplaced, idf }: Sample): NewSuggestion[] {
  const groups = nodes.map(({ sample }) => sample.map(({ vector }) => vector));
  const alike = alikeByChance(groups) ?? alikeOtherwise;
  const vectors = unplaced.map(({ vector }) => vector);
  const clusters = findClusters(vectors, { alike, fewest: fewestDocuments, most: mostClusters });
  const centroids = groups.filter((group) => group.length > 0).map((group) => centroidOf(group));
  return clusters.flatMap(({ members, centroid, cohesion }) => {
    const nearestNode = Math.max(0, ...centroids.map((other) => cosine(centroid, other)));
    if (nearestNode >= belongs) return [];
    const own = members.map((i) => unplaced[i] as Sampled);
    const inside = new Set(members);
    const others = [...unplaced.filter((_, i) => !inside.has(i)), ...nodes.flatMap(({ sample }) => sample)];
    const words = wordsOf(own, others, idf);
    return {
      ...{
        kind: 'missing' as const,
        nodeIds: [],
        about: `missing ${[...words].slice(0, 4).sort().join(' ')}`,
      },
      evidence: {
        documents: own.length,
        ...{ words, examples: examplesOf(own) },
        ...{ cohesion: round(cohesion), likeness_to_nearest_node: round(nearestNode), alike: round(alike) },
      },
      documents: own.map(({ id }) => ({ id, part: 0 })),
    };
  });
}

const [questionDays, questionsRead, fewestQuestions, questionsShown] = [30, 500, 5, 5];
/** Questions share few words: what two have in common by chance is far below this. */
const alikeQuestions = 0.5;

/** Clusters of questions that found no answer: what is asked for and not there. */
export async function findMissingByQuestions(db: Db): Promise<NewSuggestion[]> {
  const asked = await readUnanswered(db, questionDays, questionsRead);
  const counts = asked.map(({ question }) => countWords(analyze(question).words));
  const idf = idfOf(counts);
  const vectors = counts.map((words) => featuresOf({ words, embedding: null, readable: 0 }, idf, 0));
  const clusters = findClusters(vectors, {
    ...{ alike: alikeQuestions, fewest: fewestQuestions, most: mostClusters },
  });
  return clusters.map(({ members, cohesion }) => {
    const inside = new Set(members);
    const words = tellingWords(
      members.map((i) => counts[i] as Map<string, number>),
      counts.filter((_, i) => !inside.has(i)),
      idf,
      wordsShown,
    );
    return {
      ...{ kind: 'missing' as const, nodeIds: [] },
      about: `missing, asked for: ${[...words].slice(0, 4).sort().join(' ')}`,
      evidence: {
        ...{ documents: 0, questions: members.length, words, cohesion: round(cohesion), days: questionDays },
        answers: members.slice(0, questionsShown).map((i) => asked[i]?.id),
      },
      documents: [],
    };
  });
}

function countWords(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}
