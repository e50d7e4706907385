import { describe, expect, it } from 'vitest';
import { builtinTools } from '../../../workers/tools/builtin.ts';
import { obviousCall } from '../../../workers/tools/obvious-call.ts';
import { createSchemaChecks } from '../../../workers/tools/schema-check.ts';
import type { Arguments } from '../../../workers/tools/tool.ts';

const noon = new Date('2026-11-23T15:30:00Z');
const tools = builtinTools(createSchemaChecks(), () => noon);
const options = { timeoutMs: 1000, signal: new AbortController().signal };

async function say(name: string, given: Arguments): Promise<string> {
  const tool = tools.find((one) => one.name === `builtin.${name}`);
  if (!tool) throw new Error(`no tool ${name}`);
  const problem = tool.check(given);
  return problem ?? (await tool.call(given, options)).text;
}

/** What a question is answered with by a tool alone; undefined: it is left to the documents. */
async function answer(question: string, language = 'en'): Promise<string | undefined> {
  const call = obviousCall(question, { language, timeZone: 'Asia/Seoul' });
  return call && say(call.name.replace('builtin.', ''), call.arguments);
}

describe('the calculator', () => {
  it.each([
    ['2 + 3 * 4', '14'],
    ['(2 + 3) * 4', '20'],
    ['-2^2', '-4'],
    ['2^3^2', '512'],
    ['2^-1', '0.5'],
    ['0.1 + 0.2', '0.3'],
    ['15% * 80', '12'],
    ['10 / 4', '2.5'],
    ['1 / 3', '0.333333333333'],
    ['5 - -3', '8'],
    ['9007199254740991', '9007199254740991'],
  ])('%s = %s', async (expression, value) => {
    expect(await say('calculator', { expression })).toBe(`${expression} = ${value}`);
  });

  it.each(['1 / 0', '2 +', '(1', '1)', '9^99', '2 ** 3', 'process.exit()', '1 2', '', `${'('.repeat(200)}1`])(
    'refuses %s',
    async (expression) => {
      const said = await say('calculator', { expression }).catch((error) => error.code);
      expect(said).not.toContain('=');
    },
  );

  it('takes an expression and nothing else', async () => {
    expect(await say('calculator', { expression: 4 })).toContain('must be string');
    expect(await say('calculator', { expression: '1', more: true })).toContain('additional');
  });
});

describe('the calendar', () => {
  it('knows the moment in a time zone', async () => {
    expect(await say('now', {})).toMatch(
      /^Today is Monday,? 23 November 2026, and it is 15:30 now \(UTC\)\.$/,
    );
    expect(await say('now', { time_zone: 'Asia/Seoul', language: 'ko' })).toBe(
      '오늘은 2026년 11월 24일 화요일이고, 지금은 00:30입니다(Asia/Seoul).',
    );
    await expect(say('now', { time_zone: 'Mars/Olympus' })).rejects.toMatchObject({ code: 'bad_arguments' });
  });

  it('adds as calendars do', async () => {
    expect(await say('date_add', { date: '2024-01-31', months: 1 })).toMatch(/^2024-02-29 /);
    expect(await say('date_add', { date: '2023-12-31', days: 1 })).toMatch(/^2024-01-01 /);
    expect(await say('date_add', { date: '2024-03-01', months: -13, days: -1 })).toMatch(/^2023-01-31 /);
    expect(await say('days_between', { from: '2024-02-01', to: '2024-03-01' })).toMatch(/: 29$/);
    await expect(say('date_add', { date: '2023-02-30' })).rejects.toMatchObject({ code: 'bad_arguments' });
  });
});

describe('questions that a tool answers by itself', () => {
  it.each([
    ['What is 12 * (3 + 4)?', '= 84'],
    ['12 × 3 = ?', '= 36'],
    ['What is 15% of 80?', '= 12'],
    ['How much is 7 plus 8 minus 2?', '= 13'],
    ['3 더하기 4는?', '= 7'],
    ['1,250 나누기 5는 얼마인가요?', '= 250'],
    ['80의 15%는?', '= 12'],
    ["What is today's date?", '24 November 2026'],
    ['What time is it?', '00:30'],
    ['오늘 며칠이야?', '24 November 2026'],
  ])('%s', async (question, part) => {
    expect(await answer(question)).toContain(part);
  });

  it.each([
    'What is 2025-01-02?',
    'What is 010-1234-5678?',
    'What is ISO 9001?',
    'What is 24/7?',
    'What is 1 / 0?',
    'What is 5?',
    'What is the date of the incident?',
    'Today the store closes at what time?',
    'How much is the daily allowance plus the taxi?',
    '오늘 배송된 주문은 몇 건인가요?',
    '12 더하기 연차는 며칠인가요?',
  ])('not %s', async (question) => {
    expect(await answer(question)).toBeUndefined();
  });
});
