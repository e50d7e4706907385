import { AppError } from '../../src/errors.ts';
import { detectFormat } from './detect-format.ts';
import type { FileHints, FormatName, ParserRegistry } from './formats.ts';
import { type ParseResult, parseAs, parseDocument } from './parse-document.ts';

/** Formats of which any run of whole lines is a document by itself. */
const lineFormats: readonly FormatName[] = ['txt'];

const emptyLines = ['\n\n', '\r\n\r\n'];

/** Bytes of a file beyond which it is read in pieces, if its format allows it; also the size of a piece. */
const pieceBytes = 1_000_000;

/** Bytes without any white space after which one is cut nevertheless. */
const longestRun = 4_000_000;

/**
 * A file as one document; or, when it is large and its lines stand for themselves, as a document for every megabyte, so that
 * memory does not grow with the file. Throws as `parseDocument` does.
 */
export async function* readDocuments(
  parts: AsyncIterable<Uint8Array>,
  hints: FileHints,
  parsers: ParserRegistry,
): AsyncGenerator<ParseResult> {
  let held: Uint8Array[] = [];
  let size = 0;
  // Grows where no end of a line is found, so that one without end is not copied again for every part.
  let enough = pieceBytes;
  let format: FormatName | 'whole' | undefined;
  for await (const part of parts) {
    held.push(part);
    size += part.length;
    if (format === 'whole' || size < enough) continue;
    const bytes = Buffer.concat(held);
    format ??= await lineFormat(bytes, hints);
    const cut = format === 'whole' ? 0 : pieceEnd(bytes);
    held = [bytes.subarray(cut)];
    size = bytes.length - cut;
    enough = cut === 0 ? size * 2 : pieceBytes;
    if (format !== 'whole' && cut > 0) yield await parseAs(format, bytes.subarray(0, cut), hints, parsers);
  }
  const rest = Buffer.concat(held);
  if (format === undefined || format === 'whole') yield await parseDocument(rest, hints, parsers);
  else if (rest.length > 0) yield await parseAs(format, rest, hints, parsers);
}

/** By the beginning of a file: content that needs the whole of it to be judged is read as a whole. */
async function lineFormat(bytes: Buffer, hints: FileHints): Promise<FormatName | 'whole'> {
  // A line end has two or four bytes in UTF-16 and UTF-32, whose text has zero bytes.
  if (bytes.includes(0)) return 'whole';
  try {
    const format = await detectFormat(bytes, hints);
    return lineFormats.includes(format) ? format : 'whole';
  } catch (error) {
    if (error instanceof AppError) return 'whole';
    throw error;
  }
}

/**
 * Behind an empty line in the last quarter, since what belongs together seldom goes on beyond one: a label and its number, a
 * number in two lines. Otherwise behind the last line end, else behind the last space; neither is ever part of another character in a multi-byte encoding. What
 * goes on for long without either is no text that anybody reads, and is cut before the last character of UTF-8.
 */
function pieceEnd(bytes: Buffer): number {
  const empty = Math.max(...emptyLines.map((line) => bytes.lastIndexOf(line) + line.length));
  if (empty > bytes.length * 0.75) return empty;
  const found = bytes.lastIndexOf(0x0a) + 1 || bytes.lastIndexOf(0x20) + 1;
  if (found > 0 || bytes.length < longestRun) return found;
  let end = bytes.length - 1;
  while (end > bytes.length - 4 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return end;
}
