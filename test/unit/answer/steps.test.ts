import { describe, expect, it } from 'vitest';
import {
  degradedStep,
  readStepBudgets,
  runStep,
  skippedStep,
  stepNames,
} from '../../../workers/answer/steps.ts';

const never = new AbortController().signal;

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
  );
}

describe('runStep', () => {
  it('hands back the value of a step within its budget', async () => {
    const { value, step } = await runStep('intent', 1000, never, () => 42);
    expect(value).toBe(42);
    expect(step).toMatchObject({ name: 'intent', outcome: 'ok' });
    expect(step.ms).toBeGreaterThanOrEqual(0);
  });

  it('ends a step over budget with null, and tells it by its signal', async () => {
    let told = false;
    const { value, step } = await runStep('retrieve', 5, never, (signal) => {
      signal.addEventListener('abort', () => {
        told = true;
      });
      return untilAborted(signal);
    });
    expect(value).toBeNull();
    expect(step.outcome).toBe('timeout');
    expect(step.detail).toContain('5 ms');
    expect(told).toBe(true);
  });

  it('does not wait for a step that ignores its signal, nor trip over what it does later', async () => {
    let fail: (error: Error) => void = () => {};
    const { value, step } = await runStep(
      'compose',
      5,
      never,
      () => new Promise((_, reject) => (fail = reject)),
    );
    fail(new Error('too late'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(value).toBeNull();
    expect(step.outcome).toBe('timeout');
  });

  it('turns a throw, at once or later, into an error outcome that keeps the error', async () => {
    for (const fn of [
      () => {
        throw new Error('no rows');
      },
      () => Promise.reject(new Error('no rows')),
    ]) {
      const result = await runStep('cite', 1000, never, fn);
      expect(result).toMatchObject({ value: null, step: { outcome: 'error', detail: 'no rows' } });
      expect(result.error).toBeInstanceOf(Error);
    }
  });

  it('rejects with the reason of the outer signal, before and during the step', async () => {
    const reason = new Error('cancelled by the caller');
    await expect(runStep('plan', 1000, AbortSignal.abort(reason), () => 1)).rejects.toBe(reason);
    const outer = new AbortController();
    const running = runStep('plan', 60_000, outer.signal, untilAborted);
    outer.abort(reason);
    await expect(running).rejects.toBe(reason);
  });

  it('has a budget for every step, four seconds in all, of which some can be set', () => {
    const usual = readStepBudgets('');
    expect(Object.keys(usual ?? {})).toEqual([...stepNames]);
    expect(Object.values(usual ?? {}).reduce((sum, ms) => sum + ms, 0)).toBe(4000);
    expect(readStepBudgets('compose=9000, cite = 50')).toEqual({ ...usual, compose: 9000, cite: 50 });
    for (const wrong of ['compose', 'compose=', 'compose=0', 'compose=1.5', 'dance=5', 'compose=600001'])
      expect(readStepBudgets(wrong), wrong).toBeUndefined();
  });

  it('words skipped and degraded steps', () => {
    expect(skippedStep('tools_debate', 'The flag is off.')).toEqual({
      name: 'tools_debate',
      ms: 0,
      outcome: 'skipped',
      detail: 'The flag is off.',
    });
    expect(degradedStep({ name: 'compose', ms: 3, outcome: 'timeout' }, 'Extractive instead.')).toEqual({
      name: 'compose',
      ms: 3,
      outcome: 'degraded',
      detail: 'Extractive instead.',
    });
  });
});
