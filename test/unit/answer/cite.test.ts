import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/evaluation/random.ts';
import { citeDraft, citeModelText } from '../../../workers/answer/cite.ts';
import type { Cited } from '../../../workers/answer/cited.ts';
import { composeExtractive } from '../../../workers/answer/extractive.ts';
import { readIntent } from '../../../workers/answer/intent.ts';
import { analysisOf, type Placed, pick, place } from './passages.ts';

const leave = place('연차 휴가 🌴는 입사 1년 뒤 15일이 주어진다. 반차는 하루 전에 신청한다.', {
  chunkId: 'leave',
  page: 3,
});
const refund = place('Refunds are paid within 7 days. Shipping fees of 3,000 won are not refunded.', {
  chunkId: 'refund',
});
const outage = place('The gateway failed on 2025-03-14. An expired certificate caused the outage.', {
  chunkId: 'outage',
});
const all: Placed[] = [leave, refund, outage];
const passages = all.map(({ passage }) => passage);

/** What every cited answer promises, whoever wrote it. */
function expectSound(cited: Cited, placed: readonly Placed[]): void {
  expect(cited.sources.map(({ n }) => n)).toEqual(cited.sources.map((_, at) => at + 1));
  const firstUse = [...new Set([...cited.answer.matchAll(/ \[(\d+)\]/gu)].map((match) => Number(match[1])))];
  expect(firstUse).toEqual(cited.sources.map(({ n }) => n));
  const keys = cited.sources.map(({ passage, charRange }) => `${passage.chunkId} ${charRange.join()}`);
  expect(new Set(keys).size).toBe(keys.length);
  for (const { n, passage, quote, charRange, answerSpans } of cited.sources) {
    const version = placed.find((one) => one.passage === passage)?.version;
    expect(version?.slice(...charRange)).toBe(quote);
    expect(answerSpans.length).toBeGreaterThan(0);
    for (const [start, end] of answerSpans) {
      const sentence = cited.answer.slice(start, end);
      expect(sentence.trim()).toBe(sentence);
      expect(sentence).not.toMatch(/\[\d+\]$/u);
      expect(cited.answer.slice(end)).toMatch(new RegExp(`^(?: \\[\\d+\\])* \\[${n}\\]`, 'u'));
    }
  }
}

function citeModel(text: string): Cited {
  return citeModelText(text, passages, { language: 'ko' });
}

describe('citeModelText', () => {
  it('finds the quote of each claim, renumbers by first use and keeps both ranges exact', () => {
    const cited = citeModel(
      '환불 배송비 3,000 won shipping fees are not refunded [2]. 연차 휴가는 입사 1년 뒤 15일이다 [1].',
    );
    expectSound(cited, all);
    expect(cited.answer).toBe(
      '환불 배송비 3,000 won shipping fees are not refunded. [1] 연차 휴가는 입사 1년 뒤 15일이다. [2]',
    );
    expect(cited.sources[0]?.quote).toBe('Shipping fees of 3,000 won are not refunded.');
    expect(cited.sources[1]).toMatchObject({
      quote: '연차 휴가 🌴는 입사 1년 뒤 15일이 주어진다.',
      page: 3,
      verified: true,
    });
    expect(cited.citationCoverage).toBe(1);
  });

  it.each([
    ['Refunds are paid within 7 days.[2]'],
    ['Refunds are paid within 7 days. [2]'],
    ['Refunds are paid within 7 days [2].'],
    ['Refunds [2] are paid within 7 days.'],
    ['[2] Refunds are paid within 7 days.'],
    ['Refunds are paid within 7 days.\n[2]'],
    ['Refunds are paid within 7 days 【2】.'],
    ['Refunds are paid within 7 days [Source 2].'],
    ['Refunds are paid within 7 days [2](https://evil.example/?q=1).'],
  ])('reads the marker in %j', (text) => {
    const cited = citeModel(text);
    expectSound(cited, all);
    expect(cited.answer.trim()).toBe('Refunds are paid within 7 days. [1]');
    expect(cited.dropped).toEqual([]);
  });

  it('drops a marker to a source that does not exist, and one to a source that says something else', () => {
    const cited = citeModel('Refunds are paid within 7 days [9]. The gateway failed on 2025-03-14 [2].');
    expectSound(cited, all);
    expect(cited.answer).toBe('Refunds are paid within 7 days. The gateway failed on 2025-03-14.');
    expect(cited.dropped.map(({ marker, reason }) => [marker, reason])).toEqual([
      [9, 'no_such_source'],
      [2, 'not_supported'],
    ]);
    expect(cited.sources).toEqual([]);
    expect(cited.citationCoverage).toBe(0);
  });

  it.each([
    ['Refunds are paid within 9 days [2].'],
    ['Shipping fees of 5,000 won are not refunded [2].'],
    ['The gateway failed on 15 March 2025 [3].'],
    ['연차 휴가는 입사 1년 뒤 25일이 주어진다 [1].'],
  ])('does not verify a claim whose number the source lacks: %s', (text) => {
    expect(citeModel(text).dropped).toMatchObject([{ reason: 'not_supported' }]);
  });

  it.each([
    ['The gateway failed on March 14, 2025 [3].'],
    ['The gateway failed on 14 March 2025 [3].'],
    ['Shipping fees of 3000 won are not refunded [2].'],
  ])('knows a number in another notation: %s', (text) => {
    expect(citeModel(text).citationCoverage).toBe(1);
  });

  it('counts a sentence without marker against the coverage, but not headings and lead-ins', () => {
    const cited = citeModel(
      '## Refunds\nThe rules are:\n- Refunds are paid within 7 days [2].\n- This is generous.',
    );
    expectSound(cited, all);
    expect(cited.answer).toBe(
      '## Refunds\nThe rules are:\n- Refunds are paid within 7 days. [1]\n- This is generous.',
    );
    expect(cited.citationCoverage).toBe(0.5);
  });

  it('accepts two sources that carry a sentence only together, and drops one that rides along', () => {
    const joint =
      'Refunds are paid within 7 days, and an expired certificate caused the outage on 2025-03-14';
    expect(citeModel(`${joint} [2][3].`).sources).toHaveLength(2);
    const ride = citeModel('Refunds are paid within 7 days [2][3].');
    expect(ride.sources.map(({ passage }) => passage.chunkId)).toEqual(['refund']);
    expect(ride.dropped).toMatchObject([{ marker: 3, reason: 'not_supported' }]);
  });

  it('gives one number to the same quote used twice and two to two quotes of one chunk', () => {
    const same = citeModel('Refunds are paid within 7 days [2]. So refunds are paid within 7 days [2].');
    expectSound(same, all);
    expect(same.sources).toHaveLength(1);
    expect(same.sources[0]?.answerSpans).toHaveLength(2);
    const two = citeModel(
      'Refunds are paid within 7 days [2]. Shipping fees of 3,000 won are not refunded [2].',
    );
    expectSound(two, all);
    expect(two.sources).toHaveLength(2);
  });

  it('takes out addresses that no source has', () => {
    const cited = citeModel(
      '![x](https://evil.example/a.png)Refunds are paid within 7 days [2]. See [here](https://evil.example/?q=1).',
    );
    expect(cited.answer).not.toContain('evil.example');
    const own = place('Forms are at https://hanbit.example/forms today.');
    const kept = citeModelText('Forms are at https://hanbit.example/forms today [1].', [own.passage], {
      language: 'en',
    });
    expect(kept.answer).toBe('Forms are at https://hanbit.example/forms today. [1]');
  });

  it('leaves brackets in code alone', () => {
    expect(citeModel('Read `rows[2]` first.').answer).toBe('Read `rows[2]` first.');
  });

  it('has no coverage for an empty text', () => {
    expect(citeModel('')).toMatchObject({ answer: '', sources: [], citationCoverage: 0, dropped: [] });
  });

  it('weighs what the question says already for less', () => {
    const claim = 'The gateway failure of the platform team was caused by a meteor [1].';
    const question = 'What caused the gateway failure of the platform team?';
    const placed = place(
      'The gateway failure surprised the platform team. Lunch was good. Nobody slept. It rained.',
    ).passage;
    expect(citeModelText(claim, [placed], { language: 'en' }).citationCoverage).toBe(1);
    expect(citeModelText(claim, [placed], { language: 'en', question }).citationCoverage).toBe(0);
  });
});

describe('citeDraft', () => {
  const question = 'When are refunds paid and what caused the gateway outage?';

  it('cites every sentence of an extractive answer at its own place', () => {
    const draft = composeExtractive(
      question,
      readIntent(question, 'keypoints'),
      passages,
      analysisOf(question),
    );
    const cited = citeDraft(draft, passages);
    expectSound(cited, all);
    expect(cited.citationCoverage).toBe(1);
    for (const line of cited.answer.split('\n')) expect(line).toMatch(/^- .+ \[\d+\]$/u);
  });

  it("keeps the source's own reference marks and line breaks out of the answer but in the quote", () => {
    const wiki = place('The bridge opened\nin 1931.[3]');
    const range = { passage: 0, start: wiki.passage.start, end: wiki.passage.end, text: wiki.passage.text };
    const cited = citeDraft({ mode: 'answer', sentences: [range] }, [wiki.passage]);
    expect(cited.answer).toBe('The bridge opened in 1931. [1]');
    expect(cited.sources[0]?.quote).toBe('The bridge opened\nin 1931.[3]');
    expectSound(cited, [wiki]);
  });

  it('leaves out a sentence that does not stand where the draft says', () => {
    const { start } = refund.passage;
    const wrong = { passage: 1, start, end: start + 7, text: 'Refunde' };
    const nowhere = { passage: 7, start, end: start + 7, text: 'Refunds' };
    const outside = { passage: 1, start: start - 1, end: start + 3, text: '\nRef' };
    const cited = citeDraft({ mode: 'answer', sentences: [wrong, nowhere, outside] }, passages);
    expect(cited.answer).toBe('');
    expect(cited.dropped.map(({ reason }) => reason)).toEqual([
      'quote_not_found',
      'no_such_source',
      'quote_not_found',
    ]);
  });
});

describe('citing random texts', () => {
  const sentences = [
    '한빛 전자는 2019년 3월에 문을 열었다.',
    'The “Hanbit” café 🙂 sells 1,250 units a day.',
    '보증 기간은 👩‍👩‍👧 가족 모두에게 24개월이다!',
    'Dr. Kim paid 3.5 million won to U.S. partners.',
    '배송은 서울에서 이틀이 걸린다.',
    'Café réservé aux membres dès 8 h.',
    'React의 useEffect는 렌더링 뒤에 실행된다.',
  ];

  it('verifies what the source says to the letter, drops what it does not, and keeps every offset exact', () => {
    const random = seededRandom(7);
    for (let round = 0; round < 200; round += 1) {
      const placed = [0, 1, 2].map((n) => {
        const text = Array.from({ length: 2 + Math.floor(random() * 3) }, () => pick(random, sentences)).join(
          ' ',
        );
        return place(text.normalize('NFC'), {
          chunkId: `${n}`,
          before: `${pick(random, sentences)} 🙃\n`.normalize('NFC'),
        });
      });
      const claims = Array.from({ length: 1 + Math.floor(random() * 4) }, () => ({
        text: pick(random, sentences).normalize('NFC'),
        marker: 1 + Math.floor(random() * 4),
      }));
      const model = claims.map(({ text, marker }) => `${text} [${marker}]`).join(' ');
      const cited = citeModelText(
        model,
        placed.map(({ passage }) => passage),
        { language: 'ko' },
      );
      expectSound(cited, placed);
      const carried = claims.filter(({ text, marker }) => placed[marker - 1]?.passage.text.includes(text));
      expect(cited.citationCoverage).toBeGreaterThanOrEqual(carried.length / claims.length - 1e-9);
      expect(cited.dropped.filter(({ reason }) => reason === 'no_such_source')).toHaveLength(
        claims.filter(({ marker }) => marker === 4).length,
      );
    }
  });
});
