import { describe, expect, it } from 'vitest';
import { fingerprint } from '../../../src/fingerprint.ts';
import {
  type CacheableRequest,
  cacheKey,
  isWhole,
  sameQuestion,
} from '../../../workers/answer/cached-answer.ts';
import { drawFrom, newSeed } from '../../../workers/answer/seed.ts';
import { answerSettings } from '../../../workers/answer/settings.ts';

const request: CacheableRequest = { mode: 'answer', final_topk: 5, strategy: 'auto', scope: 'read' };
const made = { settings: { LLM_MODEL: 'm' }, model: 'm', policy: null };
const on = { on: true, reason: 'stored', percent: 100 } as const;
const key = (more: object = {}, asked: object = {}, other: object = {}) =>
  cacheKey({ question: 'Who?', ...asked }, { ...request, ...more }, { ...made, ...other });

describe('the key of an answer', () => {
  it.each([
    [{ mode: 'summary' }],
    [{ scope: 'write' }],
    [{ access: { collections: ['a'] } }],
    [{ abstain_below: 0.5 }],
    [{ a_field_that_comes_later: 1 }],
    [{ flags: { debate_mode: on } }],
    [{}, { question: 'Who is it?' }],
    [{}, { previous_answer_id: 'an answer' }],
    [{}, {}, { model: null }],
    [{}, {}, { policy: { name: 'thompson', version: 2 } }],
    [{}, {}, { settings: { LLM_MODEL: 'm', BM25_B: 0.5 } }],
  ])('is another one with %j %j %j', (...parts) => {
    expect(key(...parts)).not.toBe(key());
  });

  it.each([
    [{ priority: 1 }],
    [{ webhook: { url: 'https://example.org' } }],
    [{ cache_control: 'no-cache' }],
    [{ flags: { debate_mode: { ...on, on: false } } }],
    [{}, { question: ' Who ?' }],
    [{}, { previous_answer_id: null }],
  ])('is the same with %j %j', (...parts) => {
    expect(key(...parts)).toBe(key());
  });

  it('does not go by the order in which fields or flags were written', () => {
    const flags = { debate_mode: on, mcp_tools: on };
    const turned = Object.fromEntries(Object.entries({ ...request, flags }).reverse());
    expect(key(turned)).toBe(key({ flags: { mcp_tools: on, debate_mode: on } }));
  });
});

it('questions are the same but for what carries no meaning', () => {
  expect(sameQuestion(' 연차는\n며칠인가요？ ')).toBe('연차는 며칠인가요');
  expect(sameQuestion('Cafe\u0301?')).toBe('Caf\u00e9');
  expect(sameQuestion('Who is US?')).not.toBe(sameQuestion('Who is us?'));
  expect(sameQuestion('How large is 5 m²?')).not.toBe(sameQuestion('How large is 5 m2?'));
});

it('an answer is whole when nothing of it failed or ran out of time', () => {
  const step = (outcome: string) => ({ name: 'compose', ms: 1, outcome });
  expect(isWhole({ degraded: null, steps: [step('ok'), step('skipped')] })).toBe(true);
  for (const outcome of ['timeout', 'error', 'degraded'])
    expect(isWhole({ degraded: null, steps: [step('ok'), step(outcome)] })).toBe(false);
  expect(isWhole({ degraded: 'The model was busy.', steps: [step('ok')] })).toBe(false);
});

it('settings that count are kept, and no key or address', () => {
  const config = {
    ...{ LLM_MODEL: 'm', LLM_API_KEY: 'secret', LLM_BASE_URL: 'http://a', BM25_B: 0.5, RERANKER: 'local' },
    ...{ RERANKER_MODEL_DIR: '/somewhere', SECRET_KEY: 'secret', PORT: 1, GEMINI_API_KEY: 'secret' },
  } as unknown as Parameters<typeof answerSettings>[0];
  expect(answerSettings(config)).toEqual({ BM25_B: 0.5, LLM_MODEL: 'm', RERANKER: 'local' });
});

it('a seed gives the same strings again, each of them once', () => {
  const seed = newSeed();
  const draw = (from: string) => {
    const next = drawFrom(from);
    return Array.from({ length: 100 }, next);
  };
  expect(draw(seed)).toEqual(draw(seed));
  expect(new Set([...draw(seed), ...draw(newSeed())]).size).toBe(200);
  expect(draw(seed)[0]).toMatch(/^[\da-f]{24}$/);
});

it('a fingerprint is of the value, whatever its order and whether it was stored meanwhile', () => {
  const value = { b: [1e21, 0.1 + 0.2, '🏠'], a: { d: null, c: undefined } };
  expect(fingerprint(value)).toBe(fingerprint({ a: { d: null }, b: [1e21, 0.30000000000000004, '🏠'] }));
  expect(fingerprint([1, 2])).not.toBe(fingerprint([2, 1]));
});
