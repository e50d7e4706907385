import { detectLanguage, type Language } from '../../src/text/language.ts';
import type { Cited } from './cited.ts';
import type { Conflict } from './conflicts.ts';
import type { Signals } from './signals.ts';

/** From this share of the question on, a sentence or the passages count as having most of it. */
const most = 0.6;
/** Cosine from which a passage counts as close in meaning. */
const close = 0.5;

type Sentence = Record<'ko' | 'en', string>;

/** What was judged. */
export interface Explained {
  abstain: boolean;
  language: Language;
  conflicts: readonly Conflict[];
  cited: Cited;
}

/** The signals in words, in Korean or else English, the weightiest first. */
export function explainConfidence(
  signals: Signals,
  { abstain, language, conflicts, cited }: Explained,
): string[] {
  const sentences = [
    verdict(signals, abstain),
    ofFocus(signals),
    ofCoverage(signals),
    ofVector(signals),
    ofCitations(signals, cited),
    ...(abstain ? [] : [...conflicts.map(ofConflict), ofLanguages(language, cited)]),
  ];
  const spoken = language === 'ko' ? 'ko' : 'en';
  return sentences.filter((sentence) => sentence !== null).map((sentence) => sentence[spoken]);
}

function verdict({ citationCoverage }: Signals, abstain: boolean): Sentence | null {
  if (!abstain) return null;
  return citationCoverage === 0
    ? {
        ko: '답을 뒷받침하는 문장을 문서에서 찾지 못했습니다.',
        en: 'No sentence of the documents supports an answer.',
      }
    : {
        ko: '찾은 문장이 질문에 답한다고 보기에는 근거가 약합니다.',
        en: 'What was found is too weak to be taken for an answer to the question.',
      };
}

function ofFocus({ focus, citationCoverage }: Signals): Sentence | null {
  if (citationCoverage === 0) return null;
  const share = percent(focus);
  return focus >= most
    ? {
        ko: `인용한 한 문장이 질문의 핵심어를 대부분(${share}) 담고 있습니다.`,
        en: `One cited sentence has most of the question's distinctive words (${share}).`,
      }
    : {
        ko: `인용한 문장이 담은 질문의 핵심어는 ${share}입니다.`,
        en: `The best cited sentence has ${share} of the question's distinctive words.`,
      };
}

function ofCoverage({ coverage }: Signals): Sentence {
  const share = percent(coverage);
  return coverage >= most
    ? {
        ko: `검색된 단락들이 질문의 핵심어를 대부분(${share}) 다룹니다.`,
        en: `The passages found cover most of the question's distinctive words (${share}).`,
      }
    : {
        ko: `검색된 단락들이 다루는 질문의 핵심어는 ${share}뿐입니다.`,
        en: `The passages found cover only ${share} of the question's distinctive words.`,
      };
}

function ofVector({ vector, agreement }: Signals): Sentence | null {
  if (vector === null) return null;
  const cosine = vector.toFixed(2);
  if (agreement === false) {
    return {
      ko: `단어 검색과 의미 검색이 서로 다른 단락을 골랐습니다(유사도 ${cosine}).`,
      en: `Search by words and search by meaning chose different passages (similarity ${cosine}).`,
    };
  }
  return vector >= close
    ? {
        ko: `가장 가까운 단락은 뜻이 질문과 가깝습니다(유사도 ${cosine}).`,
        en: `The nearest passage is close to the question in meaning (similarity ${cosine}).`,
      }
    : {
        ko: `뜻이 질문과 가까운 단락이 없습니다(유사도 ${cosine}).`,
        en: `No passage is close to the question in meaning (similarity ${cosine}).`,
      };
}

function ofCitations({ citationCoverage }: Signals, { unsupportedLeftOut: left }: Cited): Sentence | null {
  if (citationCoverage === 0 || citationCoverage === 1) return null;
  const share = percent(citationCoverage);
  if (left > 0)
    return {
      ko: `쓰인 문장 가운데 ${share}만 출처로 확인되어, 확인되지 않은 ${left}개 문장을 뺐습니다.`,
      en: `Only ${share} of the sentences written could be verified in a source; the other ${left} were left out.`,
    };
  return {
    ko: `답변 문장 가운데 ${share}만 출처로 확인되었습니다.`,
    en: `Only ${share} of the answer's sentences could be verified in a source.`,
  };
}

function ofConflict({ n: [one, other], values: [first, second] }: Conflict): Sentence {
  return {
    ko: `출처 [${one}]과 [${other}]의 내용이 서로 다릅니다: ${first} / ${second}.`,
    en: `Sources [${one}] and [${other}] contradict each other: ${first} / ${second}.`,
  };
}

/** An answer in the sources' words is not always in the question's language. */
function ofLanguages(language: Language, { sources }: Cited): Sentence | null {
  const foreign = sources.filter(({ quote }) => {
    const own = detectLanguage(quote);
    return own !== 'und' && language !== 'und' && own !== language;
  });
  if (foreign.length === 0) return null;
  const numbers = foreign.map(({ n }) => `[${n}]`).join(', ');
  return {
    ko: `질문과 다른 언어로 쓰인 출처가 있습니다: ${numbers}.`,
    en: `Written in another language than the question: ${numbers}.`,
  };
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}
