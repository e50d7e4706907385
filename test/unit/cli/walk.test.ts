import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { walk } from '../../../cli/walk.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'dt-rag-test-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function lay(files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}
const look = (path = '', more: Partial<Parameters<typeof walk>[1]> = {}) =>
  walk(join(root, path), { ignore: [], all: false, ...more });
const pathsOf = ({ files }: Awaited<ReturnType<typeof walk>>) => files.map(({ path }) => path);

it('finds files by name, and leaves out what is empty, hidden, linked or without text', async () => {
  await lay({
    'b.md': 'b',
    'a/한글.txt': 'a',
    'a/e.txt': '',
    '.git/config': 'x',
    '.hidden.md': 'x',
    'p.PNG': 'x',
  });
  await symlink(root, join(root, 'a/round'));
  const found = await look();
  expect(pathsOf(found)).toEqual(['a/한글.txt', 'b.md']);
  expect(found.files[1]).toMatchObject({ full: join(root, 'b.md'), size: 1 });
  expect(found.skipped).toEqual({ empty: 1, hidden: 2, 'links and devices': 1, 'without text': 1 });
  expect(found.problems).toEqual([]);
  expect(pathsOf(await look('', { all: true }))).toEqual(['.hidden.md', 'a/한글.txt', 'b.md', 'p.PNG']);
});

it('minds ignore files, the inner before the outer, and the patterns that are given before all', async () => {
  await lay({
    ...{ '.gitignore': '*.log\nbuild/\n/top.md\n', 'docs/.dtragignore': '!keep.log\ndraft-*\n' },
    ...{ 'a.log': 'x', 'top.md': 'x', 'build/a.md': 'x', 'docs/top.md': 'x', 'docs/keep.log': 'x' },
    ...{ 'docs/draft-1.md': 'x', 'docs/x/draft-2.md': 'x', 'docs/x/Draft-3.md': 'x', 'docs/y.md': 'x' },
  });
  const expected = ['docs/keep.log', 'docs/top.md', 'docs/x/Draft-3.md', 'docs/y.md'];
  expect(pathsOf(await look())).toEqual(expected);
  expect(pathsOf(await look('', { ignore: ['/docs/x/', '*.log'] }))).toEqual(['docs/top.md', 'docs/y.md']);
});

it('minds the ignore files around it up to the root of a repository, and none without one', async () => {
  await lay({ '.gitignore': 'node_modules\ndocs/old/\n', 'docs/old/a.md': 'x', 'docs/b.md': 'x' });
  await lay({ 'docs/node_modules/c.md': 'x' });
  expect(pathsOf(await look('docs'))).toEqual(['b.md', 'node_modules/c.md', 'old/a.md']);
  await mkdir(join(root, '.git'));
  expect(pathsOf(await look('docs'))).toEqual(['b.md']);
});

it('takes a single file, whatever it is called', async () => {
  await lay({ 'docs/.x.png': 'x' });
  const found = await look('docs/.x.png');
  expect([found.root, pathsOf(found)]).toEqual([join(root, 'docs'), ['.x.png']]);
  await expect(look('nowhere')).rejects.toMatchObject({ code: 'ENOENT' });
});

it('tells what it could not look at', async () => {
  await lay({ 'closed/a.md': 'x', 'b.md': 'x' });
  // Ignore rules that can't be read: a link to itself, which nobody can open.
  await mkdir(join(root, 'loop'));
  await symlink(join(root, 'loop/.gitignore'), join(root, 'loop/.gitignore'));
  const found = await look();
  expect(pathsOf(found)).toEqual(['b.md', 'closed/a.md']);
  expect(found.problems).toEqual([{ path: 'loop', detail: expect.stringContaining('ELOOP') }]);
});
