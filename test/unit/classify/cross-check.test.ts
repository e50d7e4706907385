import { describe, expect, it } from 'vitest';
import type { Classified } from '../../../src/classify/classification.ts';
import { accuracyOf, crossCheck } from '../../../src/classify/cross-check.ts';

const candidate = (label: string, confidence: number) => ({
  node_id: label,
  label,
  canonical_path: ['All', label],
  confidence,
});

function found(confidences: Record<string, number>, more: Partial<Classified> = {}): Classified {
  const candidates = Object.entries(confidences).map(([label, share]) => candidate(label, share));
  const [best] = candidates as [ReturnType<typeof candidate>];
  return {
    ...{ canonical: best.canonical_path, node_id: best.node_id, confidence: best.confidence, hitl: true },
    ...{ candidates, reasoning: ['As learned.'], signals: [], taxonomy_version: '1.0.0' },
    ...more,
  };
}

const said = (node_id: string | null, accuracy = 0.8) => ({
  check: { model: 'm', asked: '', node_id, reason: 'so' },
  accuracy,
});
const view = { threshold: 0.7, chance: 1 / 4 };
const three = { a: 0.5, b: 0.3, c: 0.1 };

describe('a model beside the classifier', () => {
  it('that agrees adds its log odds', () => {
    const result = crossCheck(found(three), said('a'), view);
    // 3 candidates and none of them: 0.8 against 0.2 / 3 each, on even odds.
    expect(result.confidence).toBeCloseTo((0.5 * 12) / (0.5 * 12 + 0.5), 9);
    expect(result).toMatchObject({ node_id: 'a', hitl: false, signals: [{ kind: 'model' }] });
    expect(result.reasoning[0]).toMatch(/agrees on "All \/ a" \(0\.92 with it, 0\.50 without/);
    expect(result.candidates.reduce((sum, { confidence }) => sum + confidence, 0)).toBeLessThan(1);
  });

  it('that is no better than chance adds nothing', () => {
    const result = crossCheck(found(three), said('a', 0.25), view);
    expect(result.confidence).toBeCloseTo(0.5, 9);
    expect(result.hitl).toBe(true);
  });

  it('that disagrees leaves both to a person, however sure the sum is', () => {
    const result = crossCheck(found({ a: 0.75, b: 0.2 }, { hitl: false }), said('b', 0.95), view);
    expect(result).toMatchObject({ node_id: 'b', hitl: true });
    expect(result.candidates.map(({ node_id }) => node_id)).toEqual(['b', 'a']);
    expect(result.reasoning[0]).toMatch(/disagrees.*"All \/ b".*"All \/ a"/);
  });

  it('that finds nothing fitting leaves it to a person', () => {
    expect(crossCheck(found(three, { hitl: false }), said(null), view)).toMatchObject({
      ...{ node_id: 'a', confidence: 0.5, hitl: true },
    });
  });

  it('is alone where the classifier has no opinion', () => {
    const result = crossCheck(found({ a: 0.25, b: 0.25, c: 0.25 }), said('c'), view);
    expect(result).toMatchObject({ node_id: 'c', hitl: false });
    expect(result.confidence).toBeCloseTo((0.25 * 12) / (0.25 * 12 + 0.75), 9);
    expect(result.reasoning[0]).toContain('alone');
  });

  it('does not contradict a parent by naming one below it', () => {
    const parent = found(
      { a: 0.4, b: 0.38 },
      { canonical: ['All'], node_id: 'All', confidence: 0.78, hitl: false },
    );
    expect(crossCheck(parent, said('b'), view)).toMatchObject({ node_id: 'b', hitl: false });
    expect(crossCheck(parent, said('b', 0.3), view)).toMatchObject({ node_id: 'All', hitl: false });
  });

  it('says nothing of what is no candidate any more', () => {
    expect(crossCheck(found(three), said('gone'), view)).toEqual(found(three));
  });
});

it('believes a model as reviewers do, after enough of them', () => {
  expect(accuracyOf({ right: 0, judged: 0 })).toBeCloseTo(0.8, 9);
  expect(accuracyOf({ right: 90, judged: 90 })).toBeCloseTo(0.97, 9);
  expect(accuracyOf({ right: 10, judged: 90 })).toBe(0.4);
});
