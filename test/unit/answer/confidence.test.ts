import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/evaluation/random.ts';
import { hearText } from '../../../src/retrieval/analyze.ts';
import { askedWords, heldWeight } from '../../../src/retrieval/held-words.ts';
import type { Evidence } from '../../../src/retrieval/passage.ts';
import { answerThreshold } from '../../../workers/answer/answer-threshold.ts';
import { citeDraft, citeModelText } from '../../../workers/answer/cite.ts';
import type { Cited } from '../../../workers/answer/cited.ts';
import { judge, supportProbability } from '../../../workers/answer/confidence.ts';
import { composeExtractive } from '../../../workers/answer/extractive.ts';
import { readIntent } from '../../../workers/answer/intent.ts';
import { readSignals, type Signals } from '../../../workers/answer/signals.ts';
import { analysisOf, place } from './passages.ts';

const corpus = [
  '연차 휴가는 입사 1년이 지나면 15일이 주어지며 팀장이 승인한다.',
  '해외 출장 숙박비는 1박에 180달러까지 지원한다.',
  'Warranty claims for the T3 tracker must reach the service desk within 30 days.',
  'The cold chain alarm rings when the truck is warmer than 8 degrees for ten minutes.',
  'Suppliers sign the code of conduct every two years.',
  '보안 사고는 발견 후 1시간 안에 정보보호팀에 알린다.',
];

/** The question through composing and citing, with keyword evidence as search would report it for this small corpus. */
function ask(question: string): {
  evidence: Evidence;
  analysis: ReturnType<typeof analysisOf>;
  cited: Cited;
} {
  const analysis = analysisOf(question, corpus);
  const mass = analysis.words.reduce((sum, { idf }) => sum + idf, 0);
  const placed = corpus
    .map((text) => {
      const { held } = hearText(text);
      const score = askedWords(analysis).reduce((sum, one) => sum + heldWeight(one, held), 0);
      return place(text, { score, chunkId: text, documentId: text });
    })
    .sort((a, b) => b.passage.score - a.passage.score);
  const passages = placed.map(({ passage }) => passage).slice(0, 5);
  const cited = citeDraft(
    composeExtractive(question, readIntent(question, 'answer'), passages, analysis),
    passages,
  );
  const share = mass === 0 ? 0 : (passages[0]?.score ?? 0) / mass;
  return { evidence: { keyword: share, vector: null, coverage: share, agreement: null }, analysis, cited };
}

describe('judge', () => {
  it.each([
    '연차 휴가는 며칠이 주어지나요?',
    '해외 출장 숙박비는 얼마까지 지원하나요?',
    'When must T3 tracker warranty claims reach the service desk?',
    'How warm may the truck be before the cold chain alarm rings?',
    // Every noun is a loan that the English text has by its sound.
    '트래커 워런티 클레임은 언제까지 서비스 데스크에 가야 하나요?',
  ])('answers from a small corpus that has the answer: %s', (question) => {
    const { evidence, analysis, cited } = ask(question);
    const { abstain, confidence } = judge({ retrieval: { evidence, analysis }, cited, language: 'ko' });
    expect(abstain).toBe(false);
    expect(confidence).toBeGreaterThan(answerThreshold);
  });

  it.each([
    '화성 탐사선은 언제 발사되었나요?',
    '사내 어린이집의 정원은 몇 명인가요?',
    'Who won the chess world championship in 1972?',
    'What colour is the company helicopter?',
  ])('abstains where the corpus does not speak of it: %s', (question) => {
    const { evidence, analysis, cited } = ask(question);
    const { abstain, confidence, reasons } = judge({
      retrieval: { evidence, analysis },
      cited,
      language: 'en',
    });
    expect(abstain).toBe(true);
    expect(confidence).toBeLessThan(answerThreshold);
    expect(reasons[0]).toMatch(/^(?:No sentence|What was found)/u);
  });

  it('abstains without a citation, however strong the retrieval was', () => {
    const { analysis } = ask('연차 휴가는 며칠이 주어지나요?');
    const evidence: Evidence = { keyword: 1, vector: 0.9, coverage: 1, agreement: true };
    const cited = citeModelText('It depends.', [], { language: 'en' });
    for (const none of [cited, null]) {
      const judgement = judge({ retrieval: { evidence, analysis }, cited: none, language: 'en' });
      expect(judgement).toMatchObject({ abstain: true, confidence: 0 });
    }
  });

  it('is less confident of an answer of which a part is not cited, and says so', () => {
    const question = 'When must T3 tracker warranty claims reach the service desk?';
    const { evidence, analysis, cited } = ask(question);
    const passages = cited.sources.map(({ passage }) => passage);
    const half = citeModelText(`${cited.sources[0]?.quote} [1] The desk is blue.`, passages, {
      language: 'en',
    });
    const whole = judge({ retrieval: { evidence, analysis }, cited, language: 'en' });
    const partly = judge({ retrieval: { evidence, analysis }, cited: half, language: 'en' });
    expect(half.citationCoverage).toBe(0.5);
    expect(partly.confidence).toBeCloseTo(whole.confidence / 2, 2);
    expect(partly.reasons.at(-1)).toContain('50%');
  });

  it("gives its reasons in the answer's language", () => {
    const { evidence, analysis, cited } = ask('연차 휴가는 며칠이 주어지나요?');
    for (const reason of judge({ retrieval: { evidence, analysis }, cited, language: 'ko' }).reasons)
      expect(reason).toMatch(/[가-힣]/u);
    for (const reason of judge({ retrieval: { evidence, analysis }, cited, language: 'en' }).reasons)
      expect(reason).toMatch(/^[\x20-\x7e]+$/u);
  });

  it('does not hold it against an answer that what no source carries was left out, but says so', () => {
    const question = 'When must T3 tracker warranty claims reach the service desk?';
    const { evidence, analysis, cited } = ask(question);
    const passages = cited.sources.map(({ passage }) => passage);
    const half = citeModelText(`${cited.sources[0]?.quote} [1] The desk is blue.`, passages, {
      ...{ language: 'en', unsupported: 'drop' },
    });
    const whole = judge({ retrieval: { evidence, analysis }, cited, language: 'en' });
    const partly = judge({ retrieval: { evidence, analysis }, cited: half, language: 'en' });
    expect(partly.confidence).toBe(whole.confidence);
    expect(partly.reasons.at(-1)).toMatch(/50%.*1 were left out/u);
  });

  it('says that a source is in another language than the question', () => {
    const { evidence, analysis, cited } = ask('트래커 워런티 클레임은 언제까지 서비스 데스크에 가야 하나요?');
    const reasonsIn = (language: 'ko' | 'en') =>
      judge({ retrieval: { evidence, analysis }, cited, language }).reasons.join(' ');
    expect(reasonsIn('ko')).toContain('질문과 다른 언어로 쓰인 출처가 있습니다: [1]');
    expect(reasonsIn('en')).not.toContain('another language');
  });

  it('follows the threshold it is given', () => {
    const { evidence, analysis, cited } = ask('연차 휴가는 며칠이 주어지나요?');
    expect(judge({ retrieval: { evidence, analysis }, cited, language: 'ko', threshold: 1 }).abstain).toBe(
      true,
    );
    expect(judge({ retrieval: { evidence, analysis }, cited, language: 'ko', threshold: 0 }).abstain).toBe(
      false,
    );
  });
});

describe('supportProbability', () => {
  it('rises with every signal and stays within 0…1', () => {
    const random = seededRandom(3);
    for (let round = 0; round < 300; round += 1) {
      const focus = random();
      const signals: Signals = {
        matched: random() * 12,
        focus,
        coverage: random(),
        vector: random() < 0.5 ? null : random() * 2 - 1,
        agreement: random() < 0.5,
        citationCoverage: 1,
      };
      const here = supportProbability(signals);
      expect(here).toBeGreaterThanOrEqual(0);
      expect(here).toBeLessThanOrEqual(1);
      expect(supportProbability({ ...signals, matched: signals.matched + 1 })).toBeGreaterThan(here);
      const more = signals.vector === null ? { focus: focus + 0.1 } : { vector: signals.vector + 0.1 };
      expect(supportProbability({ ...signals, ...more })).toBeGreaterThan(here);
    }
  });
});

describe('readSignals', () => {
  it('counts what the quote and its title have of the question, and nothing for an empty question or answer', () => {
    const placed = place('It lasts 24 months.', { title: 'Battery warranty' });
    const cited = citeModelText('It lasts 24 months [1].', [placed.passage], { language: 'en' });
    const evidence: Evidence = { keyword: 0.4, vector: 0.3, coverage: 0.7, agreement: false };
    const whole = readSignals(evidence, analysisOf('battery warranty months'), cited);
    expect(whole).toMatchObject({
      focus: 1,
      coverage: 0.7,
      vector: 0.3,
      agreement: false,
      citationCoverage: 1,
    });
    expect(whole.matched).toBeCloseTo(3, 9);
    expect(readSignals(evidence, analysisOf(''), cited)).toMatchObject({ matched: 0, focus: 0 });
    const nothing = citeModelText('', [], { language: 'en' });
    expect(readSignals(evidence, analysisOf('battery'), nothing)).toMatchObject({
      matched: 0,
      focus: 0,
      citationCoverage: 0,
    });
  });
});
