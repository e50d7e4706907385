import { describe, expect, it } from 'vitest';
import type { AnswerResource } from '../../../demo/client.ts';
import type { Question } from '../../../demo/corpus.ts';
import { judgeAnswer, judgeDocuments } from '../../../demo/judge.ts';

const answerable: Question = {
  question: 'How fast may a forklift drive?',
  language: 'en',
  expects: { answered: true, document: 'example:warehouse-safety', contains: '8 km/h' },
};
const unanswerable: Question = {
  ...answerable,
  expects: { answered: false, document: null, contains: null },
};
const source = {
  n: 1,
  title: 'Rules',
  quote: '8 km/h',
  char_range: [0, 6] as [number, number],
  page: null,
  verified: true,
};
const good: AnswerResource = {
  status: 'completed',
  is_terminal: true,
  answer: 'At most 8 km/h [1].',
  abstained: false,
  degraded: null,
  sources: [source],
  error: null,
  links: { self: '/api/v1/answers/1' },
};

describe('judgeAnswer', () => {
  it('accepts a cited, verified answer with the expected string, and an abstention where nothing answers', () => {
    expect(judgeAnswer(answerable, good)).toEqual([]);
    expect(judgeAnswer(unanswerable, { ...good, abstained: true, sources: [] })).toEqual([]);
  });

  it('names each thing that falls short', () => {
    expect(judgeAnswer(answerable, { ...good, sources: [] })).toEqual(['the answer names no source']);
    expect(
      judgeAnswer(answerable, { ...good, sources: [source, { ...source, n: 2, verified: false }] }),
    ).toEqual(['source [2] is not verified']);
    expect(judgeAnswer(answerable, { ...good, answer: 'At most 12 km/h [1].' })).toEqual([
      'the answer does not contain "8 km/h"',
    ]);
    expect(judgeAnswer(answerable, { ...good, abstained: true })).toHaveLength(1);
    expect(judgeAnswer(unanswerable, good)).toHaveLength(1);
  });

  it('says how an answer ended that was not completed', () => {
    const failed = { ...good, status: 'failed', error: { detail: 'The deadline has passed.' } };
    expect(judgeAnswer(answerable, failed)).toEqual(['the answer ended as failed: The deadline has passed.']);
    expect(judgeAnswer(unanswerable, { ...failed, abstained: true })).toHaveLength(1);
  });
});

describe('judgeDocuments', () => {
  const example = {
    file: 'a.pdf',
    title: 'A',
    taxonomy_path: ['X'],
    language: 'en' as const,
    external_id: 'a',
  };
  const document = { id: '1', status: 'ready', is_terminal: true, chunk_count: 3, error: null };

  it('names the documents that are not ready, with the reason where there is one', () => {
    const failed = { ...document, status: 'failed', error: { detail: 'The file is encrypted' } };
    const stuck = { ...document, status: 'parsing', is_terminal: false };
    const ingested = [document, failed, stuck].map((each) => ({ example, document: each }));
    expect(judgeDocuments(ingested)).toEqual([
      'a.pdf is not ready but failed: The file is encrypted',
      'a.pdf is not ready but parsing',
    ]);
  });
});
