import { expect, test } from 'vitest';
import { learn } from '../../../src/classify/classifier.ts';
import { toItem } from '../../../src/classify/item.ts';
import { createJudge } from '../../../src/classify/judge.ts';
import { compilePattern, compileRules, type Rule } from '../../../src/classify/rules.ts';

const rule = (kind: Rule['kind'], value: string): Rule => ({ kind, value, confidence: 0.9 });
const found = (one: Rule, text: string) => compileRules([{ node: 'n', rule: one }])(text).length === 1;

test.each([
  [rule('keyword', '연차 휴가'), '남은 연차휴가를 다음 해로', true],
  [rule('keyword', '휴가'), '휴가는 언제', true],
  [rule('keyword', 'machine learning'), 'Machine-made learnings', false],
  [rule('keyword', 'machine learning'), 'on Machine Learning', true],
  [rule('keyword', '%'), '10 % more', true],
  [rule('pattern', 'inv-\\d{4}'), 'see INV-2024', true],
  [rule('pattern', 'inv-\\d{4}'), 'see INV-20', false],
])('%j in "%s": %s', (one, text, expected) => {
  expect(found(one, text)).toBe(expected);
});

test('no pattern takes longer than its text is long', () => {
  expect(found(rule('pattern', '(a+)+$'), `${'a'.repeat(50_000)}b`)).toBe(false);
  expect(() => compilePattern('(')).toThrow();
});

test('a rule and an example that says the same outweigh what was learned', async () => {
  const item = (text: string) => toItem(text, null, 0);
  const examples = ['red apples and pears', 'blue ships and boats'].map((text, of) => ({
    item: item(text),
    of,
    title: text,
  }));
  const classifier = await learn({ classes: 2, examples, names: [item('fruit'), item('sea')], pool: [] });
  const rules = compileRules([{ node: 'sea', rule: rule('keyword', 'harbour') }]);
  const judge = createJudge(classifier, ['fruit', 'sea'], rules, examples);
  const of = (text: string) => judge({ text, item: item(text) });
  expect(of('apples of the harbour').probabilities[1]).toBeGreaterThan(0.8);
  expect(of('apples of the harbour').why(1)[0]).toMatchObject({ kind: 'rule' });
  const twin = of('red apples and pears');
  expect(twin.probabilities[0]).toBeGreaterThan(0.95);
  expect(twin.why(0).map(({ kind }) => kind)).toContain('example');
});
