import type { Language } from '../../src/text/language.ts';

/** What the answer says when the sources don't carry one. Any language but Korean is told in English. */
export function abstentionText(language: Language): string {
  return language === 'ko'
    ? '등록된 문서에서 이 질문에 대한 답을 찾지 못했습니다.'
    : 'The documents do not contain an answer to this question.';
}
