import { describe, expect, it } from 'vitest';
import { contextualQuestion } from '../../../workers/answer/contextual-question.ts';

const meals = 'What is the daily allowance for meals?';
const leave = '사용하지 않은 연차는 언제까지 이월할 수 있나요?';

describe('a question in a conversation', () => {
  it.each([
    [meals, 'And for lunch?', 'And for lunch? (daily allowance meals)'],
    [meals, 'Who approves it?', 'Who approves it? (daily allowance meals)'],
    [meals, 'What about weekends?', 'What about weekends? (daily allowance meals)'],
    [meals, 'Since when?', 'Since when? (daily allowance meals)'],
    [meals, 'Does that apply in Korea?', 'Does that apply in Korea? (daily allowance meals)'],
    [meals, 'For managers?', 'For managers? (daily allowance meals)'],
    [leave, '왜요?', '왜요? (사용하지 않은 연차는 이월할)'],
    [leave, '그건 누가 승인하나요?', '그건 누가 승인하나요? (사용하지 않은 연차는 이월할)'],
    [leave, '계약직은요?', '계약직은요? (사용하지 않은 연차는 이월할)'],
    [leave, '그럼 병가는 며칠인가요?', '그럼 병가는 며칠인가요? (사용하지 않은 연차는 이월할)'],
  ])('after "%s", "%s" is understood as %s', (before, question, understood) => {
    expect(contextualQuestion(question, [before])).toBe(understood);
  });

  it.each([
    [meals, 'How fast may forklifts drive in the hall?'],
    [meals, 'What is BM25?'],
    [meals, 'Is there a rule that covers taxi rides?'],
    [leave, '노트북을 분실하면 몇 시간 이내에 신고해야 하나요?'],
    [leave, '결혼 경조 휴가는 며칠을 사용할 수 있나요?'],
  ])('after "%s", "%s" stands for itself', (before, question) => {
    expect(contextualQuestion(question, [before])).toBeNull();
  });

  it('takes nothing from a conversation that has not begun', () => {
    expect(contextualQuestion('And for lunch?', [])).toBeNull();
  });

  it('carries what was asked through turns that leave it out, until another thing is asked', () => {
    expect(contextualQuestion('Why?', [meals, 'And for lunch?'])).toBe('Why? (lunch daily allowance meals)');
    const changed = [meals, 'And for lunch?', 'How fast may forklifts drive?'];
    expect(contextualQuestion('Why?', changed)).toBe('Why? (fast forklifts drive)');
  });

  it('adds a bounded number of words, and none twice', () => {
    const long = Array.from({ length: 40 }, (_, n) => `topic${n}`).join(' ');
    const understood = contextualQuestion('And topic3?', [`What is ${long}?`]) as string;
    expect(understood.match(/topic\d+/g)).toHaveLength(9);
    expect(understood.match(/topic3\b/g)).toHaveLength(1);
  });
});
