import type { Readable } from 'node:stream';
import { type Entry, fromBufferPromise } from 'yauzl';
import { AppError } from '../../src/errors.ts';

export const zipLimits = {
  entries: 2_000,
  totalBytes: 200_000_000,
  entryBytes: 50_000_000,
  /** Inflated over packed size of one entry; below a megabyte an entry may be as regular as it likes. */
  ratio: 200,
  ratioFrom: 1_000_000,
} as const;

/**
 * Unpacks every member of an office file once, counting, so that no library gets a file that unpacks beyond the limits
 * (declared sizes can lie, members can overlap). XML with a document type is refused too: office files may not have
 * one (ECMA-376 part 2, 8.1.4), and entities that multiply live there.
 *
 * @param wanted names of members to return, each at most a megabyte
 * @throws AppError `document_too_large`, `document_encrypted`, `document_unreadable`
 */
export async function inspectZip(
  bytes: Uint8Array,
  wanted: readonly string[] = [],
): Promise<Map<string, Buffer>> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Sizes are checked against what comes out, not against what the file declares.
  const zip = await fromBufferPromise(buffer, { validateEntrySizes: false, lazyEntries: true });
  if (zip.entryCount > zipLimits.entries) throw tooMany();
  const kept = new Map<string, Buffer>();
  let entries = 0;
  let total = 0;
  let declared = 0;
  for await (const entry of zip.eachEntry()) {
    entries += 1;
    declared += entry.uncompressedSize;
    if (entries > zipLimits.entries) throw tooMany();
    if (declared > zipLimits.totalBytes || entry.uncompressedSize > zipLimits.entryBytes) throw tooBig();
    if (entry.isEncrypted())
      throw new AppError('document_encrypted', 'The file is protected with a password.');
    if (entry.fileName.endsWith('/')) continue;
    const stream = await zip.openReadStreamPromise(entry);
    const { size, content } = await inflate(
      stream,
      entry,
      zipLimits.totalBytes - total,
      wanted.includes(entry.fileName),
    );
    total += size;
    if (content !== undefined) kept.set(entry.fileName, content);
  }
  return kept;
}

async function inflate(
  stream: Readable,
  entry: Entry,
  room: number,
  keep: boolean,
): Promise<{ size: number; content: Buffer | undefined }> {
  const xml = /\.(?:xml|rels)$/i.test(entry.fileName);
  const kept: Buffer[] = [];
  let size = 0;
  let tail = '';
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > zipLimits.entryBytes || size > room) throw tooBig();
    if (size > zipLimits.ratioFrom && size > entry.compressedSize * zipLimits.ratio) throw tooBig();
    if (xml) {
      // Without zero bytes UTF-16 reads like ASCII; the tail covers a mark cut by the end of a chunk.
      const text = tail + chunk.toString('latin1').replaceAll('\0', '');
      if (text.includes('<!DOCTYPE') || text.includes('<!ENTITY')) throw withEntities();
      tail = text.slice(-10);
    }
    if (keep && size <= 1_000_000) kept.push(chunk);
  }
  return { size, content: keep && size <= 1_000_000 ? Buffer.concat(kept) : undefined };
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
    'The file unpacks to more than the limits allow: 200 MB in all, 50 MB a part, 200 times its packed size.',
  );
}

function withEntities(): AppError {
  return new AppError(
    'document_unreadable',
    'The file contains a document type or entities in its XML, which office files may not have.',
  );
}
