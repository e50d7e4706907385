import { describe, expect, it } from 'vitest';
import { type Breaker, type CallEnd, createBreaker } from '../../../workers/llm/breaker.ts';
import { costOfCall, readLlmPrices } from '../../../workers/llm/prices.ts';

function start(openMs = 1000) {
  let at = 0;
  const breaker = createBreaker({ openMs, now: () => at, random: () => 0 });
  const call = (end: CallEnd) => {
    const permit = breaker.enter();
    if (permit) breaker.ended(permit, end);
    return permit;
  };
  const later = (ms: number) => {
    at += ms;
    return breaker.condition();
  };
  return { breaker, call, later };
}

const failing = (call: (end: CallEnd) => unknown, times = 5) => {
  for (let n = 0; n < times; n += 1) call('failed');
};

describe('the circuit breaker', () => {
  it('opens at five failures, or when half of the last twenty calls failed', () => {
    const few = start();
    failing(few.call, 4);
    expect(few.breaker.condition()).toBe('closed');
    expect([few.call('failed'), few.breaker.condition(), few.call('ok')]).toEqual(['call', 'open', null]);

    const mixed = start();
    for (let n = 0; n < 30; n += 1) mixed.call('ok');
    failing(mixed.call, 9);
    expect(mixed.breaker.condition()).toBe('closed');
    mixed.call('failed');
    expect(mixed.breaker.condition()).toBe('open');
  });

  it('does not count what says nothing of the model', () => {
    const { breaker, call } = start();
    for (let n = 0; n < 50; n += 1) call('neither');
    expect(breaker.condition()).toBe('closed');
  });

  it('lets one probe through at a time, which closes it or opens it for longer', () => {
    const { breaker, call, later } = start();
    failing(call);
    expect([later(999), later(1)]).toEqual(['open', 'half_open']);
    const probe = breaker.enter();
    expect([probe, breaker.enter()]).toEqual(['probe', null]);
    breaker.ended('call', 'ok');
    expect(breaker.condition(), 'a call from before says nothing').toBe('half_open');
    breaker.ended('probe', 'failed');
    expect([later(1999), later(1)]).toEqual(['open', 'half_open']);
    expect(call('neither'), 'a probe that was called off leaves the next one its turn').toBe('probe');
    expect([call('ok'), breaker.condition()]).toEqual(['probe', 'closed']);
    failing(call, 4);
    expect(breaker.condition(), 'what was before is forgotten').toBe('closed');
  });

  it('is left alone for eight times as long at most', () => {
    const { breaker, call, later } = start();
    failing(call);
    for (const waited of [1000, 2000, 4000, 8000, 8000]) {
      expect(breaker.waitMs()).toBe(waited);
      later(waited);
      call('failed');
    }
  });

  it('keeps calls back for as long as the provider asks', () => {
    const { breaker, call, later } = start();
    breaker.pause(5000);
    expect([breaker.condition(), breaker.waitMs(), call('ok')]).toEqual(['rate_limited', 5000, null]);
    expect([later(5000), call('ok')]).toEqual(['closed', 'call']);
  });

  it('never opens where it is off', () => {
    const { breaker, call } = start(0);
    failing(call, 100);
    expect(breaker.condition()).toBe('closed');
  });

  it('hands out no permit that would be lost', () => {
    const { breaker } = start();
    const permits = Array.from({ length: 4 }, (): ReturnType<Breaker['enter']> => breaker.enter());
    expect(permits).toEqual(['call', 'call', 'call', 'call']);
  });
});

describe('prices', () => {
  it('are read and multiplied', () => {
    const prices = readLlmPrices('a=0.30/2.50, b=0/0') ?? new Map();
    expect(costOfCall('a', { inputTokens: 1_000_000, outputTokens: 100_000 }, prices)).toBeCloseTo(0.55, 12);
    expect(costOfCall('b', { inputTokens: 5, outputTokens: 5 }, prices)).toBe(0);
    expect(costOfCall('c', { inputTokens: 5, outputTokens: 5 }, prices)).toBeNull();
    expect(readLlmPrices('')?.size).toBe(0);
    for (const wrong of ['a=1', 'a=1/', 'a=-1/2', '=1/2', 'a=1/2;b=1/2'])
      expect(readLlmPrices(wrong), wrong).toBeUndefined();
  });
});
