import { fileTypeFromBuffer } from 'file-type';
import { AppError } from '../../src/errors.ts';
import { encodingOfMark } from './decode-text.ts';
import { compoundKind, isCompound, isZip, zipKind } from './detect-container.ts';
import { detectTextFormat } from './detect-text-format.ts';
import { formatTitle, refusedFormats } from './format-titles.ts';
import { extensionOf, type FileHints, type FormatName, formatNames } from './formats.ts';

// The signature library calls some text formats by name; those are told apart further on.
const textSignatures = ['xml', 'rtf', 'vcf', 'ics', 'eml', 'reg', 'vtt'];

/**
 * The format of a file: by its content first; its name and declared type only tell text formats apart.
 *
 * @throws AppError `unsupported_format` naming the format found and the supported ones; `document_encrypted` for an
 * Office file with a password; `document_unreadable` for a file that is not what its name says
 */
export async function detectFormat(bytes: Uint8Array, hints: FileHints = {}): Promise<FormatName> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isCompound(buffer)) {
    const kind = compoundKind(buffer);
    if (kind === 'encrypted')
      throw new AppError('document_encrypted', 'The Office file is protected with a password.');
    throw unsupported(formatTitle(kind));
  }
  if (isZip(buffer)) {
    const kind = await zipKind(buffer);
    // Where the members don't tell, a docx by name is left to its parser, which says what is wrong with it.
    if (kind === 'docx' || (kind === 'zip' && extensionOf(hints) === 'docx')) return 'docx';
    throw unsupported(formatTitle(kind));
  }
  // Readers accept a PDF whose header stands anywhere in the first kilobyte (PDF 1.7, implementation note 13).
  if (buffer.subarray(0, 1024).includes('%PDF-')) return 'pdf';
  return (await refuseSignature(buffer)) ?? textFormat(buffer, hints);
}

async function refuseSignature(buffer: Buffer): Promise<undefined> {
  // The byte order mark of UTF-16 is the frame mark of MPEG audio too.
  if (encodingOfMark(buffer) !== undefined) return undefined;
  // A file cut short makes the signature library stumble; then it is judged by its text like any other.
  const found = await fileTypeFromBuffer(buffer).catch(() => undefined);
  if (found === undefined || textSignatures.includes(found.ext)) return undefined;
  throw unsupported(formatTitle(found.ext, found.mime));
}

function textFormat(buffer: Buffer, hints: FileHints): FormatName {
  const found = detectTextFormat(buffer, hints);
  const named = extensionOf(hints) ?? '';
  if (found.kind === 'binary') {
    if (named === 'pdf' || named === 'docx') throw notAsNamed(named);
    throw unsupported(refusedFormats[named] ?? 'Unknown binary');
  }
  if (found.kind === 'refused') throw unsupported(formatTitle(found.format));
  if (buffer.length > 0 && (named === 'pdf' || named === 'docx')) throw notAsNamed(named);
  return found.format;
}

function unsupported(title: string): AppError {
  return new AppError(
    'unsupported_format',
    `${title} files are not supported; supported: ${formatNames.join(', ')}.`,
  );
}

function notAsNamed(name: string): AppError {
  return new AppError(
    'document_unreadable',
    `The file is named ${name}, but its content is not ${name}: it may be damaged or cut short.`,
  );
}
