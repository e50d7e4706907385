import { analyze } from '../../src/retrieval/analyze.ts';
import { type AskedWord, askedWords, heldWeight } from '../../src/retrieval/held-words.ts';
import type { Passage, QueryAnalysis } from '../../src/retrieval/passage.ts';
import { fitsAnswerType, pointsBack } from './answer-cues.ts';
import type { Intent } from './intent.ts';
import { headingWords, type SourceSentence, sourceSentences } from './source-sentences.ts';

/** A sentence that may go into an extractive answer. */
export interface Candidate {
  sentence: SourceSentence;
  /** The sentence before, when this one can't be understood without it. */
  antecedent: SourceSentence | null;
  /** Comparable within one question only. */
  score: number;
}

/**
 * Weights of what speaks for a sentence, beside the share of the question's idf mass in it. Found on half of the articles
 * of a Korean reading-comprehension set (KorQuAD 1.0 dev, 1,657 questions) by coordinate search for "the gold string is
 * in the first three sentences": .95 there, .92 on the other half (1,230 questions), which was seen while choosing.
 */
const weights = {
  /** Share of a question word's idf that counts when it stands in the sentence before or after, */
  neighbour: 0.6,
  /** or in title or headings. */
  heading: 1,
  /** Passage score over the best passage's score. */
  passage: 0.5,
  /** The sentence holds a date, number, reason, name where one is asked for. */
  answerType: 0.15,
};

/** The question's words with their idf, and the sum of it. */
interface Asked {
  askedFor: readonly AskedWord[];
  mass: number;
  words: ReadonlySet<string>;
  intent: Intent;
}

/** Every sentence that shares a word with the question and does more than repeat it, best first. */
export function rankSentences(
  question: string,
  intent: Intent,
  passages: readonly Passage[],
  analysis: Pick<QueryAnalysis, 'words' | 'sounds'>,
): Candidate[] {
  const askedFor = askedWords(analysis);
  const mass = askedFor.reduce((sum, { idf }) => sum + idf, 0);
  const asked: Asked = { askedFor, mass, words: new Set(analyze(question).words), intent };
  const bestPassage = Math.max(...passages.map((passage) => passage.score), 0);
  const candidates = sourceSentences(passages).flatMap((sentences, at) => {
    const passage = passages[at];
    if (!passage || mass === 0) return [];
    const bonus = bestPassage > 0 ? (weights.passage * passage.score) / bestPassage : 0;
    return rankWithin(sentences, headingWords(passage, sentences), bonus, asked);
  });
  return candidates.sort(
    (a, b) => b.score - a.score || a.sentence.passage - b.sentence.passage || a.sentence.n - b.sentence.n,
  );
}

function rankWithin(
  sentences: readonly SourceSentence[],
  above: ReadonlySet<string>,
  bonus: number,
  asked: Asked,
): Candidate[] {
  const candidates: Candidate[] = [];
  for (const [n, sentence] of sentences.entries()) {
    if (sentence.heading || echoes(sentence, asked)) continue;
    const before = sentences[n - 1];
    const around = [before, sentences[n + 1]].filter((one) => one !== undefined);
    // the answer to a question of an FAQ stands under it as under a heading
    const under = before && isQuestion(before) ? new Set([...above, ...before.held]) : above;
    const overlap = overlapOf(asked.askedFor, sentence, around, under) / asked.mass;
    if (overlap === 0) continue;
    const fits = fitsAnswerType(asked.intent.answerType, sentence.text) === true ? weights.answerType : 0;
    const antecedent = before && !before.heading && pointsBack(sentence.text) ? before : null;
    candidates.push({ sentence, antecedent, score: overlap + bonus + fits });
  }
  return candidates;
}

function isQuestion({ text }: SourceSentence): boolean {
  return /[?？]["'”’)]*$/u.test(text);
}

/** Questions don't answer one, nor does a line without a full stop that has no word beyond the question's. */
function echoes(sentence: SourceSentence, { words }: Asked): boolean {
  if (isQuestion(sentence)) return true;
  return !/[.!。…]["'”’)]*$/u.test(sentence.text) && [...sentence.words].every((word) => words.has(word));
}

function overlapOf(
  askedFor: readonly AskedWord[],
  sentence: SourceSentence,
  around: readonly SourceSentence[],
  above: ReadonlySet<string>,
): number {
  let overlap = 0;
  for (const asked of askedFor) {
    const near = Math.max(0, ...around.map(({ held }) => heldWeight(asked, held)));
    overlap +=
      heldWeight(asked, sentence.held) ||
      weights.heading * heldWeight(asked, above) ||
      weights.neighbour * near;
  }
  return overlap;
}
