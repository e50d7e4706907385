import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { evaluateClassifier } from '../../eval/classify.ts';
import { readLabelled } from '../../eval/classify-data.ts';
import { readClassifyOptions } from '../../eval/classify-options.ts';

const classes: Record<string, string[]> = {
  'Sport > Football': ['goal', 'striker', 'league', 'penalty'],
  'Sport > Chess': ['pawn', 'bishop', 'endgame', 'gambit'],
  'Home > Baking': ['flour', 'oven', 'yeast', 'dough'],
  'Home > Garden': ['soil', 'seed', 'hedge', 'lawn'],
};
let data: string;

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'dt-rag-labelled-'));
  const lines = Object.entries(classes).flatMap(([label, words], k) =>
    Array.from({ length: 24 }, (_, n) => {
      const [a, b, c] = [0, 1, 2].map((i) => words[(n + i * (1 + (n % 3))) % words.length]);
      return {
        title: `${a} no. ${n}`,
        text: `${b} and ${c}.`,
        // Both ways to write a tree, in one file.
        label: n % 2 === 0 ? label : label.split(' > '),
        split: n % 3 === k % 3 ? 'test' : 'train',
      };
    }),
  );
  await writeFile(join(data, 'documents.jsonl'), lines.map((line) => JSON.stringify(line)).join('\n'));
});
afterAll(() => rm(data, { recursive: true }));

const optionsOf = (...more: string[]) => {
  const options = readClassifyOptions(['--data', data, '--no-embeddings', ...more]);
  if (options === 'help') throw new Error('no options');
  return options;
};

it('reads a tree from lists and from written paths alike', async () => {
  const set = await readLabelled(optionsOf());
  expect(set.paths).toEqual(
    Object.keys(classes)
      .map((label) => label.split(' > '))
      .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
  );
  expect(set.learned.length + set.judged.length).toBe(96);
  expect(set.judged).toHaveLength(32);
});

it('goes by another separator where one is given', async () => {
  const set = await readLabelled(optionsOf('--separator', '/'));
  expect(set.paths).toContainEqual(['Sport > Chess']);
});

it('judges a tree level by level', async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  vi.spyOn(console, 'table').mockImplementation(() => undefined);
  try {
    await evaluateClassifier([
      '--data',
      data,
      '--no-embeddings',
      '--draws',
      '2',
      '--per-class',
      '4',
      '--json',
    ]);
    const run = JSON.parse(String(log.mock.calls.at(-1)?.[0]));
    const { levels, rootAccuracy, accuracy } = run.per_class[4];
    expect(levels).toHaveLength(2);
    expect(levels[0]).toBe(rootAccuracy);
    expect(levels[1]).toBeCloseTo(accuracy, 9);
    expect(levels[0]).toBeGreaterThanOrEqual(levels[1]);
    expect(levels[1]).toBeGreaterThan(0.9);
  } finally {
    vi.restoreAllMocks();
  }
});
