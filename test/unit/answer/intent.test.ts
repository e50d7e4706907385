import { describe, expect, it } from 'vitest';
import { detectLanguage } from '../../../src/text/language.ts';
import { abstentionText } from '../../../workers/answer/abstention-text.ts';
import { readIntent } from '../../../workers/answer/intent.ts';

describe('detectLanguage', () => {
  it.each([
    ['연차는 며칠인가요?', 'ko'],
    ['useEffect와 useLayoutEffect의 차이', 'ko'],
    ['Samsung Galaxy S24 배터리 용량은?', 'ko'],
    ['How many days of leave are there?', 'en'],
    ['What does 안녕하세요 mean?', 'en'],
    ['¿Cuántos días?', 'en'],
    ['2023 – 2024', 'und'],
    ['', 'und'],
    ['Сколько дней отпуска?', 'und'],
    ['🙂🙃', 'und'],
  ])('%s → %s', (text, language) => {
    expect(detectLanguage(text)).toBe(language);
  });
});

describe('readIntent', () => {
  it.each([
    ['연차 신청 기한은 언제인가요?', 'factual', 'date'],
    ['직원은 몇 명인가요?', 'factual', 'number'],
    ['회사의 대표는 누구인가?', 'factual', 'person'],
    ['본사는 어디에 있나요?', 'factual', 'place'],
    ['왜 배송이 늦어졌나요?', 'factual', 'reason'],
    ['2024년 규정과 2025년 규정의 차이는?', 'comparison', 'other'],
    ['비밀번호를 바꾸는 방법을 알려 주세요', 'procedure', 'other'],
    ['보증에서 제외되는 항목을 모두 알려 주세요', 'list', 'other'],
    ['When was the incident closed?', 'factual', 'date'],
    ['How many branches are there?', 'factual', 'number'],
    ['Who approves travel above the limit?', 'factual', 'person'],
    ['Where is the returns centre?', 'factual', 'place'],
    ['Why did the gateway fail?', 'factual', 'reason'],
    ['How do I reset the device?', 'procedure', 'other'],
    ['What is the difference between plan A and plan B?', 'comparison', 'other'],
    ['List the excluded parts.', 'list', 'other'],
  ])('%s → %s, %s', (question, kind, answerType) => {
    expect(readIntent(question, 'answer')).toMatchObject({
      kind,
      answerType,
      wantsSeveral: kind !== 'factual',
    });
  });

  it('wants several sentences for summaries and key points of any question', () => {
    expect(readIntent('Who is the chair?', 'summary').wantsSeveral).toBe(true);
    expect(readIntent('Who is the chair?', 'keypoints').wantsSeveral).toBe(true);
  });

  it("carries the question's language, in which an abstention is worded", () => {
    expect(abstentionText(readIntent('본사는 어디에 있나요?', 'answer').language)).toMatch(/[가-힣]/u);
    expect(abstentionText(readIntent('Where is it?', 'answer').language)).toMatch(/^[\x20-\x7e]+$/u);
    expect(abstentionText(readIntent('12?', 'answer').language)).toMatch(/^[\x20-\x7e]+$/u);
  });
});
