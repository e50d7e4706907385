import type { Readable } from 'node:stream';
import { type Entry, fromBufferPromise, type ZipFile } from 'yauzl';
import { AppError } from '../../src/errors.ts';

export const zipLimits = {
  entries: 5_000,
  totalBytes: 600_000_000,
  /** A part that is packed well; pictures and films are not, and are bounded by the file's own size. */
  entryBytes: 50_000_000,
  /** A part that its parser reads as a stream. */
  streamedBytes: 500_000_000,
  /** Inflated over packed size of one entry; below a megabyte an entry may be as regular as it likes. */
  ratio: 200,
  ratioFrom: 1_000_000,
} as const;

/** A file made of zipped parts whose limits have been checked. Names compare without case. */
export interface ZipPackage {
  /** In the order of the archive, as they are written there. */
  readonly names: readonly string[];
  has(name: string): boolean;
  /** @throws AppError `document_unreadable` when the part is missing or damaged */
  stream(name: string): AsyncIterable<Buffer>;
  /** A whole part, undefined when there is none. */
  read(name: string): Promise<Buffer | undefined>;
}

/**
 * Unpacks every member of a file once, counting, so that no parser gets one that unpacks beyond the limits (declared sizes
 * can lie, members can overlap), and hands out its parts. A damaged part is an error only to whoever reads it.
 *
 * @param streamed names of the members that their parser does not hold in memory
 * @throws AppError `document_too_large`, `document_encrypted`; Error of the zip reader where the archive is damaged
 */
export async function openPackage(bytes: Uint8Array, streamed?: RegExp): Promise<ZipPackage> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Sizes are checked against what comes out, not against what the file declares.
  const zip = await fromBufferPromise(buffer, {
    validateEntrySizes: false,
    lazyEntries: true,
    autoClose: false,
  });
  if (zip.entryCount > zipLimits.entries) throw tooMany();
  const entries = await inspectEntries(zip, streamed);
  const entryOf = (name: string): Entry | undefined => entries.get(partName(name));
  async function* stream(name: string): AsyncGenerator<Buffer> {
    const entry = entryOf(name);
    if (entry === undefined) throw new AppError('document_unreadable', `The file has no part ${name}.`);
    yield* (await zip.openReadStreamPromise(entry)) as AsyncIterable<Buffer>;
  }
  return {
    names: [...entries.values()].map(({ fileName }) => fileName),
    has: (name) => entryOf(name) !== undefined,
    stream,
    async read(name) {
      if (entryOf(name) === undefined) return undefined;
      const parts: Buffer[] = [];
      for await (const part of stream(name)) parts.push(part);
      return Buffer.concat(parts);
    },
  };
}

async function inspectEntries(zip: ZipFile, streamed: RegExp | undefined): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  let count = 0;
  let total = 0;
  let declared = 0;
  for await (const entry of zip.eachEntry()) {
    count += 1;
    declared += entry.uncompressedSize;
    if (count > zipLimits.entries) throw tooMany();
    const limit = sizeLimit(entry, streamed);
    if (declared > zipLimits.totalBytes || entry.uncompressedSize > limit) throw tooBig();
    if (entry.isEncrypted())
      throw new AppError('document_encrypted', 'The file is protected with a password.');
    if (entry.fileName.endsWith('/')) continue;
    total += await inflatedSize(zip, entry, Math.min(limit, zipLimits.totalBytes - total));
    // The first of two members of one name counts, as in Office.
    const name = partName(entry.fileName);
    if (!entries.has(name)) entries.set(name, entry);
  }
  return entries;
}

function sizeLimit({ fileName, compressedSize }: Entry, streamed: RegExp | undefined): number {
  const whole = streamed?.test(fileName) ? zipLimits.streamedBytes : zipLimits.entryBytes;
  return Math.max(whole, compressedSize * 2);
}

/** Part names compare without case (ECMA-376 part 2, 6.2.2.3); some writers use a leading slash or backslashes. */
function partName(name: string): string {
  return name.replaceAll('\\', '/').replace(/^\/+/, '').toLowerCase();
}

/** Bytes the member unpacks to; a damaged one counts as far as it goes. */
async function inflatedSize(zip: ZipFile, entry: Entry, limit: number): Promise<number> {
  let size = 0;
  try {
    const stream: Readable = await zip.openReadStreamPromise(entry);
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) throw tooBig();
      if (size > zipLimits.ratioFrom && size > entry.compressedSize * zipLimits.ratio) throw tooBig();
    }
  } catch (error) {
    // Damaged: its reader will meet the same error, if anyone reads it.
    if (error instanceof AppError) throw error;
  }
  return size;
}

function tooMany(): AppError {
  return new AppError(
    'document_too_large',
    `The file holds more than ${zipLimits.entries.toLocaleString('en')} packed parts.`,
  );
}

function tooBig(): AppError {
  return new AppError(
    'document_too_large',
    'The file unpacks to more than the limits allow: 600 MB in all, 50 MB a part (500 MB a sheet), 200 times its packed size.',
  );
}
