import { describe, expect, it } from 'vitest';
import { citeModelText } from '../../../workers/answer/cite.ts';
import { place } from './passages.ts';

const source = place('Refunds are paid within 7 days. 배송비 3,000원은 환불되지 않는다. 😀').passage;
const cite = (text: string, unsupported: 'drop' | 'mark') =>
  citeModelText(text, [source], { language: 'en', unsupported });

const good = 'Refunds are paid within 7 days [1].';
const cited = 'Refunds are paid within 7 days. [1]';
const bad = 'The owner has a yacht 🛥.';

describe('sentences that no source carries', () => {
  it.each([
    ['behind', `${good} ${bad}`, cited],
    ['before', `${bad} ${good}`, cited],
    [
      'between',
      `${good} ${bad} 배송비 3,000원은 환불되지 않는다 [1].`,
      `${cited} 배송비 3,000원은 환불되지 않는다. [2]`,
    ],
    ['as a point of a list', `- ${bad}\n- ${good}`, `- ${cited}`],
    ['with their heading', `## Fleet\n${bad}\n\n## Refunds\n${good}`, `## Refunds\n${cited}`],
    ['under a lead-in', `The rules are:\n- ${good}\n- ${bad}`, `The rules are:\n- ${cited}`],
  ])('are left out %s', (_, text, expected) => {
    const found = cite(text, 'drop');
    expect(found.answer).toBe(expected);
    expect(found).toMatchObject({ unsupportedLeftOut: 1, unsupportedSpans: [] });
    expect(found.citationCoverage, 'of what was written').toBeLessThan(1);
    for (const { answerSpans } of found.sources)
      for (const [, end] of answerSpans) expect(found.answer.slice(end)).toMatch(/^ \[\d\]/u);
  });

  it('are all the answer had: nothing is left of it', () => {
    expect(cite(`## Fleet\n- ${bad}\n- ${bad}`, 'drop')).toMatchObject({
      answer: '',
      sources: [],
      unsupportedLeftOut: 2,
    });
  });

  it('stay where they are to be marked, told by their place', () => {
    const found = cite(`${good} ${bad}`, 'mark');
    expect(found.unsupportedLeftOut).toBe(0);
    expect(found.unsupportedSpans.map((span) => found.answer.slice(...span))).toEqual([bad]);
  });

  it('leave an answer without any as it was written', () => {
    const text = `## Refunds\n\nThe rules are:\n- ${good}\n\n`;
    expect(cite(text, 'drop').answer).toBe(cite(text, 'mark').answer);
  });
});

describe('support', () => {
  it('is what share of the sentence its quote carries', () => {
    const supportOf = (sentence: string) => cite(`${sentence} [1].`, 'drop').sources[0]?.support ?? 0;
    expect(supportOf('Refunds are paid within 7 days')).toBe(1);
    const more = supportOf('Refunds are paid by bank transfer within 7 days');
    expect(more).toBeLessThan(1);
    expect(more).toBeGreaterThanOrEqual(0.4);
  });
});
