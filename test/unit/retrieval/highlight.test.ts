import { expect, it } from 'vitest';
import { analyze, analyzeQuestion } from '../../../src/retrieval/analyze.ts';
import { highlight } from '../../../src/retrieval/highlight.ts';

const marked = (text: string, question: string) =>
  highlight(text, analyze(question).words).map(([start, end]) => text.slice(start, end));

it('marks a Korean word without its particle', () => {
  expect(highlight('번역을 한다', analyze('번역').words)).toEqual([[0, 2]]);
});

it('counts in UTF-16 code units behind emoji', () => {
  expect(highlight('😀번역을', analyze('번역').words)).toEqual([[2, 4]]);
});

it('marks the part of a compound', () => {
  expect(marked('기계번역은', '번역')).toEqual(['번역']);
});

it('marks inflected English words and Latin words with particles', () => {
  expect(marked('Translations of React를', 'react translation')).toEqual(['Translations', 'React']);
});

it('marks a code once, whole, and its parts in another spelling', () => {
  expect(marked('see RFC-9457, please', 'RFC9457')).toEqual(['RFC-9457']);
  expect(marked('see RFC 9457, please', 'RFC9457')).toEqual(['RFC', '9457']);
});

it('marks decomposed Hangul as a whole run', () => {
  const text = '한국어를'.normalize('NFD');
  expect(marked(text, '한국어')).toEqual([text]);
});

it('marks a word found by its sound', () => {
  const text = '😀 Two Components render.';
  const { words, sounds } = analyzeQuestion('컴포넌트란?');
  expect(highlight(text, [...words, ...sounds.keys()])).toEqual([[7, 17]]);
});

it('marks nothing without words', () => {
  expect(highlight('anything', [])).toEqual([]);
});
