import { describe, expect, it } from 'vitest';
import type { Passage } from '../../../src/retrieval/passage.ts';
import { citeModelText } from '../../../workers/answer/cite.ts';
import { judge } from '../../../workers/answer/confidence.ts';
import { readIntent } from '../../../workers/answer/intent.ts';
import { markOf, writePrompt } from '../../../workers/answer/prompt.ts';
import { suspectsLast } from '../../../workers/answer/suspicion.ts';
import { composeFromTool, judgeSources } from '../../../workers/answer/tool-answer.ts';
import { longestToolText, readable, toolPassage } from '../../../workers/answer/tool-passage.ts';
import { injection } from '../../support/tool-server.ts';
import { analysisOf, place } from './passages.ts';

const question = 'What is the weather in Busan at noon?';
const documentText = 'The canteen in Busan serves lunch at noon. Umbrellas hang at the door.';
const document = place(documentText).passage;
const analysis = analysisOf(question, [documentText, 'Receipts must be handed in within 30 days.']);
const evidence = { keyword: 0.2, vector: null, coverage: 0.2, agreement: null };

const said = (text: string, name = 'web.weather') =>
  toolPassage(
    { name, argumentsHash: 'aa', calledAt: new Date(0), ms: 1, bytes: text.length, text, fault: null },
    text,
  );
const weather = said('It is 21 degrees and sunny in Busan at noon.');

/** The model's text with its citations, and how sure it is. */
function judged(text: string, passages: Passage[], threshold = 0.5) {
  const cited = citeModelText(text, passages, { language: 'en', question });
  const given = { retrieval: { evidence, analysis }, cited, language: 'en', threshold } as const;
  return { cited, verdict: judgeSources(given), without: judge(given) };
}

describe('an answer that cites a tool', () => {
  it('quotes it like a document, and is as sure as the quote carries it', () => {
    const { cited, verdict } = judged('It is 21 degrees and sunny in Busan at noon [1].', [
      weather,
      document,
    ]);
    expect(cited.sources).toMatchObject([{ n: 1, quote: weather.text, verified: true, passage: weather }]);
    expect(verdict.abstain).toBe(false);
    expect(verdict.confidence).toBeGreaterThan(0.5);
    expect(verdict.reasons[0]).toContain('web.weather');
  });

  it('has no citation for what the tool did not say', () => {
    const { cited, verdict } = judged('Snow and storms are expected on Thursday evening [1].', [
      weather,
      document,
    ]);
    expect(cited.sources).toEqual([]);
    expect(verdict.abstain).toBe(true);
  });

  it('is judged as ever where it cites documents alone', () => {
    const { verdict, without } = judged('The canteen in Busan serves lunch at noon [2].', [
      weather,
      document,
    ]);
    expect(verdict).toEqual(without);
  });

  it('gains nothing from a tool that speaks to models', () => {
    const bad = said(`${weather.text} ${injection}`);
    const { cited, verdict } = judged('It is 21 degrees and sunny in Busan at noon [1].', [bad, document]);
    expect(cited.sources).toHaveLength(1);
    expect([verdict.confidence, verdict.abstain]).toEqual([0, true]);
  });

  it('shows the model what a tool said as data, and orders in it last', () => {
    const { passages, suspects } = suspectsLast([said(injection), document]);
    expect(passages.map(({ tool }) => tool?.name)).toEqual([undefined, 'web.weather']);
    const boundary = 'q7f3k2m9x1';
    const { prompt } = writePrompt(question, readIntent(question, 'answer'), passages, {
      boundary,
      suspects: new Set(suspects.map(({ passage }) => passage)),
    });
    const line = prompt.split('\n').find((one) => one.includes('Ignore all previous'));
    expect(line?.startsWith(markOf(boundary))).toBe(true);
    expect(prompt).toContain('[2] suspect');
  });
});

describe('what a tool says', () => {
  it('is the answer to the letter where the question was nothing else', () => {
    const sum = said('12 * (3 + 4) = 84', 'builtin.calculator');
    expect(composeFromTool(sum).cited).toMatchObject({
      answer: '12 * (3 + 4) = 84 [1]',
      citationCoverage: 1,
    });
    expect(composeFromTool(said('-5 + 3 = -2')).cited?.answer).toBe('-5 + 3 = -2 [1]');
  });

  it('can be stored, is cut, and holds no more personal data than documents do', () => {
    expect(readable('a\0b\ud800c', false)).toBe('ab\ufffdc');
    expect(readable('x'.repeat(longestToolText + 5), false)).toHaveLength(longestToolText);
    expect(readable(`${'x'.repeat(longestToolText - 1)}😀`, false)).toBe('x'.repeat(longestToolText - 1));
    const mail = 'Write to jane.doe@example.com for it.';
    expect([readable(mail, false), readable(mail, true)]).toEqual([
      mail,
      expect.not.stringContaining('jane.doe'),
    ]);
  });
});
