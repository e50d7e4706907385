import { describe, expect, it } from 'vitest';
import { complexityOf } from '../../../src/learning/complexity.ts';

describe('complexityOf', () => {
  it.each([
    ['What is the notice period?', 0],
    ['본사는 어디에 있나요?', 0],
    ['', 0],
    ['How do annual leave and sick leave differ?', 1],
    ['연차와 병가의 차이는?', 1],
    ['Who approved the budget, when was it approved, and by whom?', 1],
    ['Which of the branches that opened last year has the largest store?', 1],
    ['Analyse the incident reports.', 2],
    ['내년 매출을 예측해 줘', 2],
    ['What is the deadline? Who has to sign?', 2],
    [
      'Which company, reported on by both the Verge and TechCrunch, was sued for how it treated the small shops on its market place?',
      2,
    ],
    [
      '작년에 새로 문을 연 지점 가운데 매출이 가장 많았던 곳의 지점장은 어느 부서 출신으로 언제 입사한 사람인가요',
      2,
    ],
  ])('%s → %i', (question, level) => {
    expect(complexityOf(question)).toBe(level);
  });

  it('takes time that is linear in the question', () => {
    expect(complexityOf('and , '.repeat(200_000))).toBe(2);
  });
});
