import { contradiction } from './conflicts.ts';
import type { Intent, Mode } from './intent.ts';
import type { Candidate } from './rank-sentences.ts';
import type { SourceSentence } from './source-sentences.ts';

/** Most sentences an answer has, by mode. */
const limits: Record<Mode, number> = { answer: 3, summary: 5, keypoints: 7 };

/** Sentences below this share of the best one's score add length rather than an answer. */
const worthSaying: Record<Mode, number> = { answer: 0.7, summary: 0.35, keypoints: 0.35 };

/** Where a question needs two sources, the best sentence of the second may be weaker: it answers the other half. */
const otherHalf = 0.35;

/** Two sentences with more than this share of words in common say the same; points of a list have to differ more. */
const sameSaying: Record<Mode, number> = { answer: 0.75, summary: 0.6, keypoints: 0.5 };

type DocumentOf = (candidate: Candidate) => string;

/**
 * The sentences of the answer, the weightiest first.
 *
 * `answer`: as few as answer, up to 3; of two documents where the question needs it. `summary`: up to 5 that read as a text, the
 * best of up to three documents before anything else. `keypoints`: up to 7 that each stand alone and say something of
 * their own. A sentence of another document that contradicts a chosen one is chosen with it.
 */
export function chooseSentences(
  candidates: readonly Candidate[],
  intent: Intent,
  documentOf: DocumentOf,
): Candidate[] {
  const { mode } = intent;
  const best = candidates[0];
  if (!best) return [];
  const worthy = candidates.filter(({ score }) => score >= worthSaying[mode] * best.score);
  const ordered = {
    answer: () => (intent.needsSources ? withSecondSource(worthy, candidates, documentOf) : worthy),
    summary: () => documentsFirst(worthy, documentOf),
    keypoints: () => worthy.filter(({ antecedent }) => antecedent === null),
  }[mode]();
  const chosen: Candidate[] = [];
  for (const candidate of ordered) {
    if (chosen.length === limits[mode]) break;
    if (chosen.some((other) => saysTheSame(other.sentence, candidate.sentence, sameSaying[mode]))) continue;
    if (mode !== 'answer' && crowds(candidate, chosen, limits[mode])) continue;
    chosen.push(candidate);
  }
  return withContradiction(withAntecedent(chosen, limits[mode]), candidates, limits[mode], documentOf);
}

/** The best sentence, then the best of another document, then the rest. */
function withSecondSource(
  worthy: readonly Candidate[],
  all: readonly Candidate[],
  documentOf: DocumentOf,
): Candidate[] {
  const [best, ...rest] = worthy;
  if (!best) return [];
  const other = all.find(
    (one) => documentOf(one) !== documentOf(best) && one.score >= otherHalf * best.score,
  );
  return other ? [best, other, ...rest.filter((one) => one !== other)] : [...worthy];
}

/** The best sentence of each of the first three documents, then the rest. */
function documentsFirst(worthy: readonly Candidate[], documentOf: DocumentOf): Candidate[] {
  const first = new Map<string, Candidate>();
  for (const candidate of worthy) {
    const document = documentOf(candidate);
    if (first.size < 3 && !first.has(document)) first.set(document, candidate);
  }
  const leading = [...first.values()];
  return [...leading, ...worthy.filter((one) => !leading.includes(one))];
}

/**
 * Puts the sentence before the best one in, when the best one opens with "He" or "그는"; for it the least of the chosen
 * gives way.
 */
function withAntecedent(chosen: readonly Candidate[], limit: number): Candidate[] {
  const best = chosen[0];
  const antecedent = best?.antecedent;
  if (!best || !antecedent || chosen.some(({ sentence }) => sentence === antecedent)) return [...chosen];
  const kept = chosen.length === limit ? chosen.slice(0, -1) : chosen;
  return [...kept, { sentence: antecedent, antecedent: null, score: best.score }];
}

/** What contradicts the best sentence is told with it, for which the least of the chosen gives way. */
function withContradiction(
  chosen: readonly Candidate[],
  all: readonly Candidate[],
  limit: number,
  documentOf: DocumentOf,
): Candidate[] {
  const best = chosen[0];
  if (!best) return [];
  const other = all.find(
    (one) =>
      one.score >= otherHalf * best.score &&
      documentOf(one) !== documentOf(best) &&
      contradiction(best.sentence, one.sentence) !== null,
  );
  if (!other || chosen.includes(other)) return [...chosen];
  return [...(chosen.length === limit ? chosen.slice(0, -1) : chosen), other];
}

/** Summaries speak for several sources: no passage gets more than half of the sentences. */
function crowds({ sentence }: Candidate, chosen: readonly Candidate[], limit: number): boolean {
  return chosen.filter((other) => other.sentence.passage === sentence.passage).length >= Math.ceil(limit / 2);
}

function saysTheSame(a: SourceSentence, b: SourceSentence, share: number): boolean {
  if (a.text === b.text) return true;
  let common = 0;
  for (const word of a.words) if (b.words.has(word)) common += 1;
  return common > share * (a.words.size + b.words.size - common);
}
