import type { Passage } from '../../src/retrieval/passage.ts';
import type { Language } from '../../src/text/language.ts';
import { type AnswerPart, assembleAnswer, type Cited, type DroppedMarker, quoteStands } from './cited.ts';
import type { Draft, DraftSentence } from './extractive.ts';
import { withoutForeignLinks } from './foreign-links.ts';
import { readModelText } from './model-text.ts';
import type { UnsupportedPolicy } from './unsupported.ts';
import { readSources, verifyClaim } from './verify.ts';

/**
 * An extractive draft as an answer with citations. Each sentence's quote is its own place in the source; a sentence that
 * doesn't stand there to the letter is left out of the answer. Keypoints become lines starting with `- `.
 */
export function citeDraft(draft: Draft, passages: readonly Passage[]): Cited {
  const parts: AnswerPart[] = [];
  const dropped: DroppedMarker[] = [];
  for (const drafted of draft.sentences) {
    const passage = passages[drafted.passage];
    const sentence = readable(drafted.text);
    if (sentence === '') continue;
    if (!passage || !standsAsDrafted(drafted, passage)) {
      dropped.push({
        marker: drafted.passage + 1,
        reason: passage ? 'quote_not_found' : 'no_such_source',
        sentence,
      });
      continue;
    }
    const separator = draft.mode === 'keypoints' ? '\n' : ' ';
    if (parts.length > 0) parts.push({ layout: separator });
    if (draft.mode === 'keypoints') parts.push({ layout: '- ' });
    parts.push({ sentence, quotes: [{ passage, start: drafted.start, end: drafted.end, support: 1 }] });
  }
  return assembleAnswer(parts, dropped, 'drop');
}

function standsAsDrafted({ start, end, text }: DraftSentence, passage: Passage): boolean {
  return (
    quoteStands({ passage, start, end }) &&
    passage.text.slice(start - passage.start, end - passage.start) === text
  );
}

/** One line without bullet and without the source's own `[3]`, which the reader would take for a citation of ours. */
function readable(text: string): string {
  return text
    .replace(/\[\d{1,3}(?:\s*,\s*\d{1,3})*\]/gu, '')
    .replace(/\s+/gu, ' ')
    .trim()
    .replace(/^[-*•]\s+/u, '');
}

/**
 * A model's text with its `[n]` (n-th passage, from 1) held against the passages (`verifyClaim`). For each marker the
 * sentence or two sentences of the cited passage that carry the claim best become the quote; markers without one are
 * dropped with their reason. A sentence left without marker counts against `citationCoverage` and is left out, or stays
 * and is told of (`unsupported`). Links that no passage has are taken out. `language` is the answer's; with the `question`
 * words that only repeat it count for less.
 */
export function citeModelText(
  text: string,
  passages: readonly Passage[],
  {
    language,
    question = '',
    unsupported = 'mark',
  }: { language: Language; question?: string; unsupported?: UnsupportedPolicy },
): Cited {
  const sources = readSources(passages, language, question);
  const dropped: DroppedMarker[] = [];
  const parts = readModelText(withoutForeignLinks(text, passages)).map((part): AnswerPart => {
    if ('layout' in part) return part;
    const verdict = verifyClaim(part.sentence, part.markers, sources);
    dropped.push(...verdict.dropped.map((drop) => ({ ...drop, sentence: part.sentence })));
    return { sentence: part.sentence, quotes: verdict.quotes };
  });
  return assembleAnswer(parts, dropped, unsupported);
}
