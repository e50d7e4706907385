import { createHash } from 'node:crypto';
import type { EmbedBody, GeminiRequest } from './gemini-stand-in.ts';

/** All text of the request's user turns. */
export function promptOf({ body }: GeminiRequest): string {
  return (body.contents ?? []).flatMap(({ parts }) => parts.map(({ text }) => text ?? '')).join('\n');
}

/** As `replyTo`, to a request of Gemini. */
export function composeReply(request: GeminiRequest): string {
  const json = request.body.generationConfig?.responseMimeType === 'application/json';
  return replyTo(promptOf(request), { json });
}

/**
 * A reply as a well-behaved model would give it: of each of the first two sources that share a word with the question the
 * sentence that shares most, cited. Sources stand in the prompt as answers write them (`<<<source [n] …>>>`), or as
 * `[n] …`; without any it is the prompt's last line. With `json` the sources are graded.
 */
export function replyTo(prompt: string, { json = false } = {}): string {
  const delimited = delimitedSources(prompt);
  if (delimited.length > 0) return citeBest(delimited, wordsOf(delimitedQuestion(prompt)));
  const all = sourcesOf(prompt);
  if (json) return gradeSources(prompt, all);
  const sources = all.slice(0, 2);
  if (sources.length === 0) return prompt.trim().split('\n').at(-1) ?? '';
  return sources.map(([, n, text]) => `${firstSentence(text ?? '')} [${n}]`).join(' ');
}

/** Each line of a source without the mark that it begins with. */
const withoutMarks = (text: string) => text.replace(/^\S{1,12}\| ?/gm, '');

function delimitedSources(prompt: string): { n: string; text: string }[] {
  const pieces = prompt.matchAll(
    /^<<<source \[(\d+)\][^\n]*>>>\n([\s\S]*?)\n<<<end source \[\1\][^\n]*>>>$/gm,
  );
  return [...pieces].map(([, n = '', text = '']) => ({ n, text: withoutMarks(text) }));
}

function delimitedQuestion(prompt: string): string {
  return withoutMarks(/^<<<question [^\n]*>>>\n([\s\S]*?)\n<<<end question/m.exec(prompt)?.[1] ?? '');
}

function citeBest(sources: readonly { n: string; text: string }[], asked: ReadonlySet<string>): string {
  const found = sources.flatMap(({ n, text }) => {
    const sentences = [...new Intl.Segmenter('en', { granularity: 'sentence' }).segment(text)].map(
      ({ segment }) => segment.trim(),
    );
    const share = (sentence: string) => [...wordsOf(sentence)].filter((word) => asked.has(word)).length;
    const best = sentences.reduce((a, b) => (share(b) > share(a) ? b : a), '');
    return share(best) > 0 ? [`${best.replace(/\s+/g, ' ')} [${n}]`] : [];
  });
  return found.length === 0 ? 'NO_ANSWER' : found.slice(0, 2).join(' ');
}

const wordsOf = (text: string) => new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu));

function sourcesOf(prompt: string): RegExpExecArray[] {
  const pieces = prompt.split(/^(?=\[\d+\])/m).map((piece) => /^\[(\d+)\]\s*(.*)/s.exec(piece));
  return pieces.filter((piece) => piece !== null);
}

/** Grades as JSON: of ten, the share of the question's words that stand in the source. */
function gradeSources(prompt: string, sources: readonly RegExpExecArray[]): string {
  const asked = [...wordsOf(/^Question: (.*)$/m.exec(prompt)?.[1] ?? '')];
  const grades = sources.map(([, n, text]) => {
    const held = wordsOf(text ?? '');
    const share = asked.filter((word) => held.has(word)).length / Math.max(1, asked.length);
    return { n: Number(n), relevance: Math.round(10 * share) };
  });
  return JSON.stringify(grades);
}

function firstSentence(text: string): string {
  const [sentence] = new Intl.Segmenter(undefined, { granularity: 'sentence' }).segment(text.trim());
  return sentence?.segment.trim() ?? '';
}

/** What the API sends for its full size alone at length 1; shorter vectors come as they are cut. */
const fullSize = 3072;

/**
 * A vector that depends on the words alone: each word adds a direction drawn from its hash, so texts that share words
 * are near each other, as with a real model. As with the API, only the full size is normalised.
 */
export function embed({ content, outputDimensionality = fullSize }: EmbedBody): { values: number[] } {
  const text = content.parts.map((part) => part.text ?? '').join(' ');
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [text];
  const sum = new Array<number>(outputDimensionality).fill(0);
  for (const word of words) {
    for (const [i, value] of direction(word, outputDimensionality).entries()) sum[i] = (sum[i] ?? 0) + value;
  }
  const length = Math.hypot(...sum);
  const scale = outputDimensionality === fullSize ? 1 / length : 0.7 / length;
  return { values: sum.map((value) => value * scale) };
}

/** One value −1…1 a dimension, from the hash of the word. */
function direction(word: string, dimensions: number): number[] {
  const bytes = createHash('shake256', { outputLength: dimensions }).update(word).digest();
  return Array.from(bytes, (byte) => byte / 127.5 - 1);
}
