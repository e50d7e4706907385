import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { estimateAll, readLogged } from '../../../eval/learning-off-policy.ts';
import { readLearningOptions } from '../../../eval/learning-options.ts';
import { policyNames } from '../../../src/learning/policies.ts';
import { actions, type Experience, stateAt, stateCount } from '../../../src/learning/policy.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'eval-learning-'));
});
afterEach(() => rm(folder, { recursive: true }));

const logged = Array.from(
  { length: 600 },
  (_, i): Experience => ({
    state: stateAt(i % stateCount),
    action: actions[i % 5] as Experience['action'],
    reward: i % 5 === 2 ? 0.9 : 0.5,
    propensity: 0.2,
  }),
);

it('reads logged experiences, and estimates every policy on the half that it has not learned from', async () => {
  const file = join(folder, 'logged.jsonl');
  await writeFile(file, logged.map((experience) => `${JSON.stringify(experience)}\n`).join(''));
  const read = await readLogged(file);
  expect(read).toEqual(logged);
  const estimated = estimateAll(read);
  expect(estimated.map(({ policy, experiences }) => [policy, experiences])).toEqual(
    policyNames.map((name) => [name, 300]),
  );
  // The third action is the fixed one.
  expect(estimated.find(({ policy }) => policy === 'fixed')?.ips.value).toBeCloseTo(0.9, 9);
});

it('names the line that is no experience', async () => {
  const file = join(folder, 'logged.jsonl');
  await writeFile(file, `${JSON.stringify(logged[0])}\n${JSON.stringify({ ...logged[1], propensity: 0 })}\n`);
  await expect(readLogged(file)).rejects.toThrow('line 2');
});

it('reads its options', () => {
  const options = readLearningOptions(['--seeds', '2', '--steps', '600', '--wide', '--json']);
  expect(options).toMatchObject({ seeds: [1, 2], marks: [500, 600], batch: 8, json: true });
  expect(readLearningOptions(['--help'])).toBe('help');
  expect(() => readLearningOptions(['--steps', 'many'])).toThrow('--steps takes a whole number');
});
