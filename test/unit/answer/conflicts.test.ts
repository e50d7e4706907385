import { describe, expect, it } from 'vitest';
import { withoutDocuments } from '../../../src/answer-without.ts';
import { analyze } from '../../../src/retrieval/analyze.ts';
import { citeDraft, citeModelText } from '../../../workers/answer/cite.ts';
import { conflictsAmong, contradiction } from '../../../workers/answer/conflicts.ts';
import { composeExtractive } from '../../../workers/answer/extractive.ts';
import { readIntent } from '../../../workers/answer/intent.ts';
import { quantitiesIn } from '../../../workers/answer/quantities.ts';
import { analysisOf, place } from './passages.ts';

const say = (text: string) => ({ text, words: new Set(analyze(text).words) });

describe('quantitiesIn', () => {
  it.each([
    ['2023년 5월 3일', 'May 3, 2023', '3 May 2023', '2023-05-03'],
    ['2023년 5월', 'May 2023'],
    ['1,500달러', '$1,500', '1500 dollars'],
    ['2만 원', '20,000원', '₩20000'],
    ['30 percent', '30%', '30 퍼센트'],
    ['3 days', '3일'],
  ])('reads %s and %s as the same', (...writings) => {
    const read = writings.map((text) =>
      quantitiesIn(`It is ${text}.`).map(({ kind, value }) => [kind, value]),
    );
    expect(read[0]).toHaveLength(1);
    for (const other of read) expect(other).toEqual(read[0]);
  });

  it('says what stands there, and leaves bare numbers alone', () => {
    expect(quantitiesIn('출장비는 하루 45유로이고 3명까지다.').map(({ shown }) => shown)).toEqual([
      '45유로',
      '3명',
    ]);
    expect(quantitiesIn('Chapter 7.')).toEqual([]);
    expect(quantitiesIn('')).toEqual([]);
  });
});

describe('contradiction', () => {
  it.each([
    [
      'The daily allowance for meals is 45 euros.',
      'The daily allowance for meals is 60 euros per person.',
      '45 euros',
      '60 euros',
    ],
    ['연차 휴가는 매년 15일이 부여된다.', '연차 휴가는 매년 20일이 부여된다.', '15일', '20일'],
    [
      'The museum on the hill opened in May 1987.',
      'The museum on the hill opened in June 1989.',
      'May 1987',
      'June 1989',
    ],
    [
      '노트북 분실은 2시간 이내에 신고해야 한다.',
      '노트북 분실은 24시간 이내에 보안팀에 신고해야 한다.',
      '2시간',
      '24시간',
    ],
  ])('is seen between %j and %j', (a, b, first, second) => {
    expect(contradiction(say(a), say(b))).toEqual([first, second]);
    expect(contradiction(say(b), say(a))).toEqual([second, first]);
  });

  it.each([
    // The same in another notation.
    [
      'Refunds are paid within 7 days of the return.',
      'Refunds are paid within 7 days of the return, in euros.',
    ],
    ['The museum on the hill opened in May 1987.', 'The museum on the hill opened on 3 May 1987.'],
    // Another subject.
    ['The daily allowance for meals is 45 euros.', 'A night in a hotel costs at most 180 euros.'],
    // Another year, another turnover.
    [
      'The turnover of the group was 5 million euros in 2020.',
      'The turnover of the group was 7 million euros in 2021.',
    ],
    ['The hall holds 300 people.', 'The hall holds two stages.'],
    ['', ''],
  ])('is not seen between %j and %j', (a, b) => {
    expect(contradiction(say(a), say(b))).toBeNull();
    expect(contradiction(say(b), say(a))).toBeNull();
  });
});

describe('sources that contradict each other', () => {
  const question = 'What is the daily allowance for meals?';
  const older = place('The daily allowance for meals is 45 euros. Taxi rides need a reason.', {
    chunkId: 'a',
    documentId: 'a',
  });
  const newer = place('Since spring the daily allowance for meals is 60 euros.', {
    chunkId: 'b',
    documentId: 'b',
    score: 0.9,
  });
  const passages = [older.passage, newer.passage];

  it('are both given, and told, when the answer is taken from them', () => {
    const analysis = analysisOf(
      question,
      passages.map(({ text }) => text),
    );
    const draft = composeExtractive(question, readIntent(question, 'answer'), passages, analysis);
    const cited = citeDraft(draft, passages);
    const [conflict, ...more] = conflictsAmong(cited.sources);
    expect(more).toEqual([]);
    expect([...(conflict?.values ?? [])].sort()).toEqual(['45 euros', '60 euros']);
    for (const n of conflict?.n ?? []) expect(cited.answer).toContain(`[${n}]`);
  });

  it('are told of no longer when one of them was deleted', () => {
    const source = (n: number, document_id: string) => ({
      n,
      document_id,
      answer_spans: [[4 * n - 4, 4 * n - 3]],
    });
    const answer = {
      ...{ answer: 'A [1]\nB [2]', sources: [source(1, 'a'), source(2, 'b')] },
      ...{ conflicts: [{ n: [1, 2], values: ['1 day', '2 days'] }], unsupported_spans: [] },
    };
    expect(withoutDocuments(answer, () => false).conflicts).toHaveLength(1);
    expect(withoutDocuments(answer, (id) => id === 'b').conflicts).toEqual([]);
  });

  it('are told when a model cites them, and not when they are one document', () => {
    const text = 'The daily allowance for meals is 45 euros [1]. Since spring it is 60 euros for meals [2].';
    const cited = citeModelText(text, passages, { language: 'en' });
    expect(conflictsAmong(cited.sources)).toEqual([{ n: [1, 2], values: ['45 euros', '60 euros'] }]);
    const one = passages.map((passage) => ({ ...passage, documentId: 'a' }));
    expect(conflictsAmong(citeModelText(text, one, { language: 'en' }).sources)).toEqual([]);
  });
});
