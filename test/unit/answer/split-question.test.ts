import { describe, expect, it } from 'vitest';
import {
  longestSubQuestion,
  mostSubQuestions,
  splitQuestion,
} from '../../../workers/answer/split-question.ts';

describe('splitQuestion', () => {
  it.each([
    ['연차와 병가의 차이는?', ['연차', '병가']],
    ['연차와 병가의 신청 기한 차이는?', ['연차 신청 기한', '병가 신청 기한']],
    ['2024년과 2025년 규정의 차이는?', ['2024년 규정', '2025년 규정']],
    ['연차와 병가는 각각 며칠인가요?', ['연차 며칠인가요?', '병가 며칠인가요?']],
    ['연차는 며칠이고 병가는 누가 승인하나요?', ['연차는 며칠이고', '병가는 누가 승인하나요?']],
    [
      '하드웨어와 소프트웨어 중 어느 것이 더 비싼가요?',
      ['하드웨어 어느 것이 더 비싼가요?', '소프트웨어 어느 것이 더 비싼가요?'],
    ],
    ['What is the difference between plan A and plan B?', ['plan A', 'plan B']],
    ['How do sick and annual leave differ?', ['sick leave', 'annual leave']],
    ['React vs Vue in terms of speed', ['React, speed', 'Vue, speed']],
    [
      'What are the limits for meals, taxis and hotels, respectively?',
      ['What are the limits for meals?', 'What are the limits for taxis?', 'What are the limits for hotels?'],
    ],
    [
      'How many days may I work from home and by when are receipts due?',
      ['How many days may I work from home', 'by when are receipts due?'],
    ],
    ['How old is the bridge? Who built the tower?', ['How old is the bridge?', 'Who built the tower?']],
    [
      'Between the report on the bridge that was published in May, and the report on the tower that was published in June, was there a change of tone?',
      [
        'the report on the bridge that was published in May',
        'the report on the tower that was published in June',
      ],
    ],
    [
      'Does the first report say that the old bridge is closed to all lorries, while the second report says that the new tower is open to visitors?',
      [
        'Does the first report say that the old bridge is closed to all lorries',
        'the second report says that the new tower is open to visitors?',
      ],
    ],
  ])('%s', (question, parts) => {
    expect(splitQuestion(question)).toEqual(parts);
  });

  it('gives a part what it leaves to those before it', () => {
    expect(splitQuestion('Who approves remote days? By when must they be entered?')).toEqual([
      ...['Who approves remote days?', 'By when must they be entered? (approves remote days)'],
    ]);
    expect(splitQuestion('재택근무는 며칠까지 가능한가요? 그리고 누가 승인하나요?')[1]).toContain('재택근무');
  });

  it('of a long question takes what it says of the thing that it asks for', () => {
    const question =
      'Which company is known for the readers that it has sold for many years, also runs a market place on which small shops sell their goods, and was sued by a publisher for harming its business last winter?';
    const parts = splitQuestion(question);
    expect(parts.length).toBeGreaterThan(1);
    for (const part of parts) expect(part).toMatch(/^Which company/);
  });

  it.each([
    '본사는 어디에 있나요?',
    '결과 보고서의 차이는?',
    '사과 가격의 차이는?',
    '국내에서 가장 비싼 아파트 가운데 하나인 아파트의 이름은 무엇인가?',
    '삭망월과 태양년의 날짜 차이를 없애기 위해 사용된 방법은?',
    'Who founded Procter and Gamble?',
    'What are the terms and conditions?',
    'When and where does the training take place?',
    'Which company was sued and was the first to pay?',
    'What is the town in which she lived and in which she died?',
    'Who is the man who wrote the book and who sold it?',
    'I work from home. How many days may I do so?',
    'May I use the laptop while it is charging?',
    'Annual leave and sick leave are granted to all employees.',
    '',
    '?',
  ])('leaves one question whole: %s', (question) => {
    expect(splitQuestion(question)).toEqual([]);
  });

  it('keeps to number and length', () => {
    const many = Array.from({ length: 9 }, (_, n) => `What is the ${'very '.repeat(8)}number ${n}?`).join(
      ' ',
    );
    const parts = splitQuestion(many);
    expect(parts).toHaveLength(mostSubQuestions);
    for (const part of parts) expect(part.length).toBeLessThanOrEqual(longestSubQuestion);
    expect(splitQuestion(`${'연차는 무엇이고 '.repeat(200)}무엇인가요?`)).toEqual([]);
  });
});
