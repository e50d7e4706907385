import { AppError } from '../../../src/errors.ts';
import { decodeText } from '../decode-text.ts';
import { createDocumentBuilder } from '../document-builder.ts';
import { declaredCharset, extensionOf, type FileHints, type Parser } from '../formats.ts';
import { singleLine } from '../normalise-text.ts';

const maxValues = 1_000_000;

/**
 * JSON, or one JSON value a line (NDJSON). Every string and number becomes a line `path: value`, e.g.
 * `items[0].name: Kim`; nulls and empty strings are left out; the records of a list stand apart by a blank line.
 */
export const jsonParser: Parser = {
  format: 'json',
  contentTypes: ['application/json', 'application/x-ndjson', 'application/jsonl', 'application/ld+json'],
  async parse(bytes, hints) {
    const source = decodeText(bytes, declaredCharset(hints)).replace(/^\ufeff/, '');
    const { records, title } = readRecords(source, hints);
    const builder = createDocumentBuilder();
    let values = 0;
    for (const { path, value } of records) {
      let first = true;
      for (const line of linesOf(value, path)) {
        values += 1;
        if (values > maxValues) {
          throw new AppError(
            'document_too_large',
            `The file holds more than ${maxValues.toLocaleString('en')} values.`,
          );
        }
        builder.block(line, { tight: !first });
        first = false;
      }
    }
    return { ...builder.build(), ...(title && { title }) };
  },
};

interface JsonRecord {
  path: string;
  value: unknown;
}

function readRecords(source: string, hints: FileHints): { records: Iterable<JsonRecord>; title?: string } {
  if (source.trim() === '') return { records: [] };
  const lineWise =
    ['ndjson', 'jsonl'].includes(extensionOf(hints) ?? '') || /ndjson|jsonl/.test(hints.contentType ?? '');
  if (lineWise) return { records: readLines(source) };
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (error) {
    // Many files named .json hold one value a line; the first line tells.
    if (!isJson(source.slice(0, source.indexOf('\n') + 1))) throw notJson(undefined, error);
    return { records: readLines(source) };
  }
  if (Array.isArray(value)) return { records: value.map((item, i) => ({ path: `[${i}]`, value: item })) };
  const title = isObject(value) && typeof value.title === 'string' ? singleLine(value.title) : '';
  return { records: [{ path: '', value }], ...(title && { title }) };
}

function* readLines(source: string): Generator<JsonRecord> {
  let n = 0;
  for (const line of source.split('\n')) {
    n += 1;
    if (line.trim() === '') continue;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      throw notJson(n, error);
    }
    yield { path: '', value };
  }
}

/** Depth first without recursion: nesting is only bounded by the file's size. */
function* linesOf(root: unknown, rootPath: string): Generator<string> {
  const stack: JsonRecord[] = [{ path: rootPath, value: root }];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { path, value } = next;
    if (Array.isArray(value)) {
      for (let i = value.length - 1; i >= 0; i -= 1) stack.push({ path: `${path}[${i}]`, value: value[i] });
    } else if (isObject(value)) {
      for (const [key, inner] of Object.entries(value).reverse())
        stack.push({ path: path ? `${path}.${key}` : key, value: inner });
    } else if (value !== null && value !== '') {
      yield path ? `${shortened(path)}: ${String(value)}` : String(value);
    }
  }
}

/** Both ends of a path that is too deep to be of use: it must not outweigh its value, nor grow with the square of depth. */
function shortened(path: string): string {
  return path.length <= 300 ? path : `${path.slice(0, 150)}…${path.slice(-150)}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false; // an answer, not a failure
  }
}

function notJson(line: number | undefined, cause: unknown): AppError {
  const where = line === undefined ? '' : `: line ${line} is broken`;
  return new AppError('document_unreadable', `The file is not valid JSON${where}.`, { cause });
}
