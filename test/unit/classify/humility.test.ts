import { expect, test } from 'vitest';
import { learn } from '../../../src/classify/classifier.ts';
import { decide, weighTree } from '../../../src/classify/decide.ts';
import { humilityOf } from '../../../src/classify/humility.ts';
import { type Item, toItem } from '../../../src/classify/item.ts';

const words = (text: string) => toItem(text, null, 0);

test('nothing is surer than so many examples can show, and what is unlike all of them is not sure', () => {
  const leads = Array.from({ length: 8 }, (_, i) => 5 + i);
  const humility = humilityOf(leads);
  expect(humility(20)).toBeCloseTo(9 / 10);
  expect(humility(1)).toBeCloseTo(9 / 10 / 2);
  expect(humility(6)).toBeCloseTo(9 / 10);
  expect(humilityOf([])(0)).toBe(1);
});

/** Two subjects told apart by one direction each; what tells them apart is most of what they have. */
function pointed(direction: number[]): Item {
  const length = Math.hypot(...direction);
  return { vector: Float32Array.from(direction, (x) => x / length), readable: 1, words: new Map() };
}

test('a text between what was taught is left open, however well the examples are told apart', async () => {
  const examples = Array.from({ length: 12 }, (_, i) => ({
    item: pointed([1, i % 2 === 0 ? 1 : 0, i % 2, 0.1 * (i % 3)]),
    of: i % 2,
  }));
  const { classify } = await learn({ classes: 2, examples, names: [words(''), words('')], pool: [] });
  expect(classify(pointed([1, 1, 0, 0.1]))[0]).toBeGreaterThan(0.8);
  expect(Math.max(...classify(pointed([1, 0.4, 0.1, 0.5])))).toBeLessThan(0.7);
});

test('a few texts without a label do not confirm what is guessed of them', async () => {
  const examples = ['goal league', 'goal penalty', 'oven dough', 'oven flour'].map((text, i) => ({
    item: words(text),
    of: i < 2 ? 0 : 1,
  }));
  const names = [words('sport'), words('kitchen')];
  const pool = Array.from({ length: 20 }, () => words('goal nothing whatever'));
  const { usesPool } = await learn({ classes: 2, examples, names, pool });
  expect(usesPool).toBe(false);
});

test('a branch is not surer because it has many nodes', () => {
  const nodes = [['A', '1'], ['A', '2'], ['A', '3'], ['A', '4'], ['B']].map((path) => ({ path }));
  const above = { path: ['A'] };
  const flat = Float64Array.from([0.2, 0.2, 0.2, 0.2, 0.2, 0]);
  expect(decide(weighTree([...nodes, above], flat, nodes.length), 0.7)?.review).toBe(true);
  const within = Float64Array.from([0.42, 0.42, 0.08, 0.04, 0.04, 0]);
  const decision = decide(weighTree([...nodes, above], within, nodes.length), 0.7);
  expect(decision).toMatchObject({ node: above, review: false, backedOff: true });
});
