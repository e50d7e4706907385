import { createHash } from 'node:crypto';
import type { EmbedBody, GeminiRequest } from './gemini-stand-in.ts';

/** All text of the request's user turns. */
export function promptOf({ body }: GeminiRequest): string {
  return (body.contents ?? []).flatMap(({ parts }) => parts.map(({ text }) => text ?? '')).join('\n');
}

/**
 * A reply as a well-behaved model would give it: the first sentence of each of the first two sources that stand in the
 * prompt as `[n] …`, cited; without sources the prompt's last line.
 */
export function composeReply(request: GeminiRequest): string {
  const prompt = promptOf(request);
  const all = sourcesOf(prompt);
  if (request.body.generationConfig?.responseMimeType === 'application/json')
    return gradeSources(prompt, all);
  const sources = all.slice(0, 2);
  if (sources.length === 0) return prompt.trim().split('\n').at(-1) ?? '';
  return sources.map(([, n, text]) => `${firstSentence(text ?? '')} [${n}]`).join(' ');
}

function sourcesOf(prompt: string): RegExpExecArray[] {
  const pieces = prompt.split(/^(?=\[\d+\])/m).map((piece) => /^\[(\d+)\]\s*(.*)/s.exec(piece));
  return pieces.filter((piece) => piece !== null);
}

/** Grades as JSON: of ten, the share of the question's words that stand in the source. */
function gradeSources(prompt: string, sources: readonly RegExpExecArray[]): string {
  const wordsOf = (text: string) => new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu));
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
