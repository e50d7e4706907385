import { describe, expect, it } from 'vitest';
import type { AnswerResult } from '../../../src/answer-result.ts';
import type { RecordedPassage } from '../../../src/db/answer-records.ts';
import { compareAnswers, comparePassages } from '../../../workers/answer/replay-diff.ts';

const id = (n: number) => `00000000-0000-4000-8000-00000000000${n}`;
const passage = (n: number, more: Partial<RecordedPassage> = {}): RecordedPassage => ({
  ...{ chunk_id: id(n), chunk_ids: [id(n)], document_id: id(0), version: 1, text_hash: `text ${n}` },
  ...{ score: 1 / n, keyword_score: n, vector_score: null, rerank_score: null },
  ...more,
});

describe('passages', () => {
  it('that are the same differ in nothing', () => {
    const list = [passage(1), passage(2)];
    expect(comparePassages(list, structuredClone(list))).toEqual({
      ...{ identical: true, kept: 2, added: [], gone: [], moved: [], rescored: [], text_changed: [] },
    });
  });

  it('are told apart by place, score and text, to the last bit', () => {
    const then = [passage(1), passage(2), passage(3)];
    const now = [passage(2), passage(1, { vector_score: 0.5 }), passage(3, { text_hash: 'other' })];
    const diff = comparePassages(then, now);
    expect(diff).toMatchObject({ identical: false, kept: 3, added: [], gone: [] });
    expect(diff.moved).toEqual([
      { chunk_id: id(2), from: 2, to: 1 },
      { chunk_id: id(1), from: 1, to: 2 },
    ]);
    expect(diff.rescored).toMatchObject([
      { chunk_id: id(1), before: { vector_score: null }, after: { vector_score: 0.5 } },
    ]);
    expect(diff.text_changed).toEqual([id(3)]);
    const tiny = [passage(1, { score: 1 + Number.EPSILON }), passage(2), passage(3)];
    expect(comparePassages(then, tiny).rescored.length).toBe(1);
  });

  it('come and go, also as others of the same text', () => {
    const then = [passage(1), passage(2, { deleted: true, text_hash: null })];
    const diff = comparePassages(then, [passage(4), passage(3, { text_hash: 'text 1' })]);
    expect(diff.added).toMatchObject([
      { chunk_id: id(4), rank: 1, same_text_as: null },
      { chunk_id: id(3), rank: 2, same_text_as: id(1) },
    ]);
    expect(diff.gone).toMatchObject([
      { chunk_id: id(1), rank: 1, deleted: false },
      { chunk_id: id(2), rank: 2, deleted: true },
    ]);
  });
});

describe('answers', () => {
  const source = (n: number) => ({
    n,
    document_id: id(n),
    version: 1,
    char_range: [0, 9] as [number, number],
  });
  const answer = (text: string, cited: number[], more: object = {}) =>
    ({
      ...{ answer: text, abstained: false, confidence: 0.5, model: 'extractive', degraded: null },
      sources: cited.map(source),
      ...more,
    }) as unknown as AnswerResult;

  it('are compared by their sentences whatever their markers, and by where their sources stand', () => {
    const then = answer('The mill is old. [1] The barge is new. [2]', [1, 2]);
    const now = answer('The barge is new. [1] The weir leaks. [2]', [2, 3], { confidence: 0.6 });
    expect(compareAnswers(then, now, ['a', 'b'])).toMatchObject({
      ...{ identical: false, text_changed: true, prompt_identical: false },
      ...{ sentences: { kept: 1, added: 1, gone: 1 }, sources: { kept: 1, added: 1, gone: 1 } },
      confidence: { before: 0.5, after: 0.6 },
    });
    expect(compareAnswers(then, then, ['a', 'a'])).toMatchObject({ identical: true, prompt_identical: true });
    expect(compareAnswers(then, then, [null, 'a']).prompt_identical).toBeNull();
  });

  it.each([{ confidence: 0.4 }, { model: 'other' }, { abstained: true }, { sources: [] }])(
    'are not identical with another %j',
    (more) => {
      const then = answer('The mill is old. [1]', [1]);
      expect(compareAnswers(then, { ...then, ...more }, [null, null]).identical).toBe(false);
    },
  );
});
