import { fileTypeFromBuffer } from 'file-type';
import { AppError } from '../../src/errors.ts';
import { encodingOfMark } from './decode-text.ts';
import { compoundKind, isCompound, isZip, zipKind } from './detect-container.ts';
import { detectTextFormat } from './detect-text-format.ts';
import { type RefusedFormat, refusedFormat, refusedFormats } from './format-titles.ts';
import { extensionOf, type FileHints, type FormatName, formatNames } from './formats.ts';

// The signature library calls some text formats by name; those are told apart further on.
const textSignatures = ['xml', 'rtf', 'vcf', 'ics', 'eml', 'reg', 'vtt'];
/** Pictures that text recognition can open. */
const pictures = ['png', 'jpg', 'webp'];
/** Formats that are never plain text: a text with such a name is damaged, or something else. */
const binaryFormats: ReadonlySet<string> = new Set<FormatName>([
  'pdf',
  'docx',
  'pptx',
  'xlsx',
  'odt',
  'odp',
  'ods',
  'hwp',
  'hwpx',
  'epub',
]);

/**
 * The format of a file: by its content first; its name and declared type only tell text formats apart.
 *
 * @throws AppError `unsupported_format` naming the format found and what to do; `document_encrypted` for an
 * Office file with a password; `document_unreadable` for a file that is not what its name says
 */
export async function detectFormat(bytes: Uint8Array, hints: FileHints = {}): Promise<FormatName> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isCompound(buffer)) {
    const kind = compoundKind(buffer, extensionOf(hints));
    if (kind === 'encrypted')
      throw new AppError('document_encrypted', 'The Office file is protected with a password.');
    return supported(kind);
  }
  if (isZip(buffer)) {
    const kind = await zipKind(buffer);
    const named = extensionOf(hints) ?? '';
    // Where the members don't tell, the parser its name asks for says what is wrong with it.
    if (kind === 'zip' && binaryFormats.has(named)) return supported(named);
    // All OpenDocument files have the same members; those without their mark at the beginning go by their name.
    return supported(kind === 'odt' && /^od[sp]$/.test(named) ? named : kind);
  }
  // Readers accept a PDF whose header stands anywhere in the first kilobyte (PDF 1.7, implementation note 13).
  if (buffer.subarray(0, 1024).includes('%PDF-')) return 'pdf';
  if (buffer.subarray(0, 23).toString('latin1') === 'HWP Document File V3.00') return supported('hwp3');
  return (await bySignature(buffer)) ?? textFormat(buffer, hints);
}

function supported(kind: string): FormatName {
  const format = formatNames.find((name) => name === kind);
  if (format === undefined) throw unsupported(refusedFormat(kind));
  return format;
}

async function bySignature(buffer: Buffer): Promise<FormatName | undefined> {
  // The byte order mark of UTF-16 is the frame mark of MPEG audio too.
  if (encodingOfMark(buffer) !== undefined) return undefined;
  // A file cut short makes the signature library stumble; then it is judged by its text like any other.
  const found = await fileTypeFromBuffer(buffer).catch(() => undefined);
  if (found === undefined || textSignatures.includes(found.ext)) return undefined;
  if (pictures.includes(found.ext)) return 'image';
  throw unsupported(refusedFormat(found.ext, found.mime));
}

function textFormat(buffer: Buffer, hints: FileHints): FormatName {
  const format = detectTextFormat(buffer, hints);
  const named = extensionOf(hints) ?? '';
  if (format === undefined) {
    if (binaryFormats.has(named)) throw notAsNamed(named);
    if (named in refusedFormats) throw unsupported(refusedFormat(named));
    throw unsupported({ title: 'Unknown binary', remedy: 'convert it' });
  }
  // Web pages and tables under the name of an Office file are common; anything else is a file cut off or mixed up.
  if (buffer.length > 0 && binaryFormats.has(named) && format === 'txt') throw notAsNamed(named);
  return format;
}

function unsupported({ title, remedy }: RefusedFormat): AppError {
  return new AppError(
    'unsupported_format',
    `${title} files are not supported: ${remedy}. Supported: ${formatNames.join(', ')}.`,
  );
}

function notAsNamed(name: string): AppError {
  return new AppError(
    'document_unreadable',
    `The file is named ${name}, but its content is not ${name}: it may be damaged or cut short.`,
  );
}
