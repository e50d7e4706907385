import type { Passage } from '../../src/retrieval/passage.ts';
import type { Language } from '../../src/text/language.ts';
import { type DropReason, type Quote, quoteStands } from './cited.ts';
import {
  bestSupport,
  type Claim,
  jointSupport,
  readClaim,
  type Support,
  type WordWeight,
  wordWeights,
} from './claim-support.ts';
import { headingWords, type SourceSentence, sourceSentences } from './source-sentences.ts';

/**
 * The least share of a claim that its quote, or its quotes together, must carry. Measured on 716 Korean questions put as
 * claims with their answer: the passage with the answer passes for .87, another of the first five for .006, the right
 * passage under a claim with a foreign answer for .09. Paraphrase beyond the words is lost: rather no citation than a
 * wrong one.
 */
export const supportThreshold = 0.4;

/** What a quote that carries a claim only together with others must add to them. */
const contribution = 0.1;

export interface Sources {
  passages: readonly Passage[];
  sentences: readonly (readonly SourceSentence[])[];
  weight: WordWeight;
  language: Language;
}

/** The passages read for checking claims against them. */
export function readSources(passages: readonly Passage[], language: Language, question: string): Sources {
  const sentences = sourceSentences(passages);
  return { passages, sentences, weight: wordWeights(sentences, question), language };
}

export interface Verdict {
  quotes: Quote[];
  dropped: { marker: number; reason: DropReason }[];
}

interface Cited {
  marker: number;
  quote: Quote;
  support: Support;
}

/**
 * Holds a sentence against the sources it cites by number, from 1. A quote passes alone when it carries
 * `supportThreshold` of the sentence and has all its numbers; several that pass together pass as far as each adds to the
 * rest, for a sentence that joins facts from two sources.
 */
export function verifyClaim(sentence: string, markers: readonly number[], sources: Sources): Verdict {
  const claim = readClaim(sentence, sources.language);
  const verdict: Verdict = { quotes: [], dropped: [] };
  const found: Cited[] = [];
  for (const marker of new Set(markers)) {
    const cited = findQuote(claim, marker, sources);
    if (typeof cited === 'string') verdict.dropped.push({ marker, reason: cited });
    else found.push(cited);
  }
  const together = carries(
    jointSupport(
      claim,
      found.map(({ support }) => support),
      sources.weight,
    ),
  );
  for (const cited of found) {
    if (carries(cited.support) || (together && adds(claim, cited, found, sources.weight)))
      verdict.quotes.push(cited.quote);
    else verdict.dropped.push({ marker: cited.marker, reason: 'not_supported' });
  }
  return verdict;
}

function carries({ share, hasNumbers }: Pick<Support, 'share' | 'hasNumbers'>): boolean {
  return hasNumbers && share >= supportThreshold;
}

function adds(claim: Claim, cited: Cited, all: readonly Cited[], weight: WordWeight): boolean {
  const others = all.filter((other) => other !== cited).map(({ support }) => support);
  const without = jointSupport(claim, others, weight);
  const withIt = jointSupport(claim, [...others, cited.support], weight);
  return withIt.share >= without.share + contribution || (withIt.hasNumbers && !without.hasNumbers);
}

function findQuote(claim: Claim, marker: number, sources: Sources): Cited | DropReason {
  const passage = sources.passages[marker - 1];
  const sentences = sources.sentences[marker - 1];
  if (!passage || !sentences) return 'no_such_source';
  const support = bestSupport(claim, sentences, sources.weight, headingWords(passage, sentences));
  const first = support?.sentences[0];
  const last = support?.sentences.at(-1);
  if (!support || !first || !last) return 'not_supported';
  const share = Math.round(support.share * 100) / 100;
  const quote = { passage, start: first.start, end: last.end, support: share };
  return quoteStands(quote) ? { marker, quote, support } : 'quote_not_found';
}
