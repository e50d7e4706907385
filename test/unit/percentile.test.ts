import { Histogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { percentile } from '../../src/api/percentile.ts';

async function observed(values: Record<string, number[]>) {
  const histogram = new Histogram({
    name: 'seconds',
    help: 'of a test',
    labelNames: ['route'],
    buckets: [1, 2, 4],
    registers: [new Registry()],
  });
  for (const [route, numbers] of Object.entries(values))
    for (const value of numbers) histogram.observe({ route }, value);
  return (await histogram.get()).values;
}

describe('percentile', () => {
  it('is null without observations', async () => {
    expect(percentile(await observed({}), 0.5)).toBeNull();
    expect(percentile([], 0.5)).toBeNull();
  });

  it('interpolates within the bucket, as histogram_quantile does', async () => {
    const values = await observed({ a: [0.5, 1.5, 1.5, 3] });
    // Cumulative counts 1, 3, 4 at bounds 1, 2, 4: rank 2 lies half way through the bucket from 1 to 2.
    expect(percentile(values, 0.5)).toBeCloseTo(1.5);
    expect(percentile(values, 0.25)).toBeCloseTo(1);
    expect(percentile(values, 0.125)).toBeCloseTo(0.5);
    expect(percentile(values, 0.75)).toBeCloseTo(2);
    expect(percentile(values, 1)).toBeCloseTo(4);
  });

  it('adds the labels up', async () => {
    const values = await observed({ a: [0.5, 1.5], b: [1.5, 3] });
    expect(percentile(values, 0.5)).toBeCloseTo(1.5);
  });

  it('gives the highest bound for what lies beyond it', async () => {
    const values = await observed({ a: [0.5, 100, 100, 100] });
    expect(percentile(values, 0.99)).toBe(4);
  });
});
