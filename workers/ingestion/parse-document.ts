import { AppError } from '../../src/errors.ts';
import { detectFormat } from './detect-format.ts';
import type { FileHints, FormatName, ParserRegistry } from './formats.ts';
import type { ParsedDocument } from './parsed-document.ts';

export interface ParseResult {
  format: FormatName;
  document: ParsedDocument;
}

/**
 * Detects the format, parses, and turns whatever a library throws into an error a user understands. Runs in the parser
 * process; a hostile file may hang or crash it.
 *
 * @throws AppError `unsupported_format`, `document_unreadable`, `document_encrypted`, `document_empty`, `document_too_large`
 */
export async function parseDocument(
  bytes: Uint8Array,
  hints: FileHints,
  parsers: ParserRegistry,
): Promise<ParseResult> {
  const result = await parseAs(await detectFormat(bytes, hints), bytes, hints, parsers);
  if (result.document.text.trim() === '' && result.document.pages.length === 0)
    throw new AppError('document_empty', 'The file has no text in it.');
  return result;
}

/** The same for a format that is known already, and for bytes that may have no text. */
export async function parseAs(
  format: FormatName,
  bytes: Uint8Array,
  hints: FileHints,
  parsers: ParserRegistry,
): Promise<ParseResult> {
  let document: ParsedDocument;
  try {
    document = await parsers[format].parse(bytes, hints);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError(
      'document_unreadable',
      `The ${format} file is damaged or incomplete and could not be read.`,
      { cause: error },
    );
  }
  return { format, document };
}
