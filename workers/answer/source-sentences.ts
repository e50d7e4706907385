import { hearText } from '../../src/retrieval/analyze.ts';
import type { Passage } from '../../src/retrieval/passage.ts';
import { splitSentences } from '../../src/text/sentences.ts';

/** A sentence, list item or table row of a passage. */
export interface SourceSentence {
  /** Index of the passage in the list it was made from. */
  passage: number;
  /** Position among the passage's sentences, from 0. */
  n: number;
  /** UTF-16 offsets of `text` in the version's text. */
  start: number;
  end: number;
  text: string;
  /** Index words of the text. */
  words: ReadonlySet<string>;
  /** The same with the sounds by which questions in the other script find it. */
  held: ReadonlySet<string>;
  /** A title or heading: says what the text around it is about, and answers nothing. */
  heading: boolean;
}

/** The sentences of each passage, in order; `text` is exactly what stands in the version's text at its offsets. */
export function sourceSentences(passages: readonly Passage[]): SourceSentence[][] {
  return passages.map((passage, at) =>
    splitSentences(passage.text).map(({ start, end }, n) => {
      const text = passage.text.slice(start, end);
      return {
        passage: at,
        n,
        start: passage.start + start,
        end: passage.start + end,
        text,
        ...hearText(text),
        heading: isHeading(text, passage),
      };
    }),
  );
}

/** Index words and sounds of what stands above the passage's sentences: title, heading path and headings inside. */
export function headingWords(passage: Passage, sentences: readonly SourceSentence[]): ReadonlySet<string> {
  const inside = sentences.filter(({ heading }) => heading).map(({ text }) => text);
  const above = [passage.title ?? '', passage.heading ?? '', passage.context ?? '', ...inside];
  return hearText(above.join('\n')).held;
}

/** `3.4 Books and training`, `제3조 (정의)`: a numbered line that does not end as a sentence. */
const numberedHeading = /^(?:\d+\.\d+(?:\.\d+)*\.?|제\s?\d+\s?[조장절항])\s[^\n]{0,60}[^\n.!?。…]$/u;

function isHeading(text: string, passage: Passage): boolean {
  if (/^#{1,6}\s/u.test(text) || numberedHeading.test(text)) return true;
  const bare = plain(text);
  if (bare === '') return true;
  const headings = [passage.title, ...(passage.heading?.split(' › ') ?? [])];
  return headings.some((heading) => heading !== null && plain(heading) === bare);
}

function plain(text: string): string {
  return text
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
    .toLowerCase();
}
