import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClassifyOptions } from './classify-options.ts';

/** A labelled text. */
export interface LabelledText {
  text: string;
  /** Labels from the root. */
  path: string[];
}

export interface LabelledSet {
  learned: LabelledText[];
  judged: LabelledText[];
  /** All paths that there are, sorted. */
  paths: string[][];
}

/** Reads documents.jsonl and parts it. Throws with a sentence that names the line. */
export async function readLabelled(options: ClassifyOptions): Promise<LabelledSet> {
  const file = join(options.data, 'documents.jsonl');
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line.trim() !== '');
  const all = lines.map((line, i) => readLine(line, i, options));
  const [learned, judged] = part(all, options);
  const paths = new Map(all.map(({ path }) => [JSON.stringify(path), path]));
  const sorted = [...paths].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
  if (learned.length === 0 || judged.length === 0)
    throw new Error(`${file} has ${learned.length} texts to learn from and ${judged.length} to judge`);
  return { learned, judged: judged.slice(0, options.limit), paths: sorted };
}

/** With spaces around it: a label of its own has no such thing in it. */
const usualSeparator = ' > ';

interface Line extends LabelledText {
  split: string | undefined;
}

function readLine(line: string, i: number, { fields, separator }: ClassifyOptions): Line {
  const { title, text, split, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const path = fields.flatMap((field) => {
    const value = rest[field];
    if (Array.isArray(value)) return value.map(String);
    if (value === undefined || value === null || value === '') return [];
    return String(value)
      .split(separator ?? usualSeparator)
      .map((label) => label.trim())
      .filter((label) => label !== '');
  });
  if (path.length === 0) throw new Error(`line ${i + 1} of documents.jsonl has no ${fields.join(' or ')}`);
  const parts = [title, text].filter((one): one is string => typeof one === 'string' && one !== '');
  return { text: parts.join('\n'), path, split: typeof split === 'string' ? split : undefined };
}

function part(all: readonly Line[], { judge }: ClassifyOptions): [Line[], Line[]] {
  const isTest = all.some(({ split }) => split === 'test')
    ? ({ split }: Line) => split === 'test'
    : (_: Line, i: number) => i % 4 === 3;
  const train = all.filter((line, i) => !isTest(line, i));
  if (judge === 'test') return [train, all.filter(isTest)];
  return [train.filter((_, i) => i % 2 === 0), train.filter((_, i) => i % 2 === 1)];
}
