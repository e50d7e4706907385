import { parse } from 'csv-parse/sync';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import type { GivenNode } from './given-node.ts';
import { readSkos, writeSkos } from './skos.ts';
import { pathsOf, type Taxonomy } from './taxonomy.ts';
import { longestLabel } from './validate.ts';
import { readPath, writePath } from './written-path.ts';

export const fileFormats = ['json', 'csv', 'skos'] as const;
export type FileFormat = (typeof fileFormats)[number];

export const mediaTypes: Record<FileFormat, string> = {
  json: 'application/json',
  csv: 'text/csv',
  skos: 'text/turtle',
};

/** Nodes of a file, parents first. */
export interface FileNode {
  id: string;
  path: string[];
  description: string;
  otherParents: string[][];
}

const label = z
  .string()
  .normalize('NFC')
  .transform((text) => text.trim())
  .pipe(z.string().min(1).max(longestLabel))
  .refine((text) => !/[\0\p{Surrogate}]/u.test(text), 'must not contain NUL or half a surrogate pair');
const path = z.array(label).min(1).max(20);
const givenNodes = z
  .array(
    z.strictObject({
      path,
      id: z.uuid().optional(),
      description: z.string().max(5000).optional(),
      other_parents: z.array(path).max(100).optional(),
    }),
  )
  .max(20_000);

/** The version as a file, whose ids make it known again when it comes back. */
export function writeFile(taxonomy: Taxonomy, format: FileFormat): string {
  const paths = pathsOf(taxonomy);
  const pathOf = (id: string) => paths.get(id) ?? [];
  const nodes = [...taxonomy.nodes.values()]
    .map(({ id, description, otherParents }) => ({
      ...{ id, path: pathOf(id), description },
      otherParents: otherParents.map(pathOf),
    }))
    .sort((a, b) => (JSON.stringify(a.path) < JSON.stringify(b.path) ? -1 : 1));
  if (format === 'skos') return writeSkos(taxonomy);
  if (format === 'csv') return writeCsv(nodes);
  const plain = nodes.map(({ otherParents, ...node }) => ({ ...node, other_parents: otherParents }));
  return `${JSON.stringify({ nodes: plain }, null, 2)}\n`;
}

/** @throws AppError `validation_failed`, saying what of the file can't be read */
export function readFile(content: string, format: FileFormat): GivenNode[] {
  const { data, error } = givenNodes.safeParse(readAny(content, format));
  if (!error) return data.map(({ other_parents, ...node }) => ({ ...node, otherParents: other_parents }));
  const [issue] = error.issues;
  throw unreadable(`node ${issue?.path.join('/')}: ${issue?.message}`);
}

function readAny(content: string, format: FileFormat): unknown {
  try {
    if (format === 'skos') return readSkos(content);
    if (format === 'csv') return readCsv(content);
    return z.object({ nodes: z.unknown() }).parse(JSON.parse(content)).nodes;
  } catch (error) {
    throw unreadable(`it is no ${format}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const columns = ['id', 'path', 'description', 'other_parents'] as const;

function writeCsv(nodes: readonly FileNode[]): string {
  const rows = nodes.map(({ id, path, description, otherParents }) => [
    ...[id, writePath(path), description, otherParents.map(writePath).join('\n')],
  ]);
  const cell = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return [[...columns], ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}

/** A column that is missing says nothing; `path` must be there. */
function readCsv(content: string): unknown {
  const rows = parse(content, { columns: true, bom: true, skip_empty_lines: true }) as Record<
    string,
    string
  >[];
  return rows.map(({ id, path = '', description, other_parents }) => ({
    ...{ path: readPath(path), id: id || undefined, description },
    other_parents: other_parents?.split('\n').filter(Boolean).map(readPath),
  }));
}

function unreadable(message: string): AppError {
  return new AppError('validation_failed', `/content: ${message}.`, {
    errors: [{ pointer: '/content', message }],
  });
}
