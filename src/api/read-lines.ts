import { createHash } from 'node:crypto';
import { pipeline, type Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Request } from 'express';
import { AppError } from '../errors.ts';

export interface Line {
  /** Without its end; null when it was longer than the limit. */
  bytes: Buffer | null;
  /** SHA-256, hex, of everything up to its end. */
  digest: string;
}

const newline = 10;

/** Lines of a stream that aren't blank, one at a time: what is not asked for is not read. A last line needs no end. */
export async function* readLines(source: AsyncIterable<Buffer>, mostBytes: number): AsyncGenerator<Line> {
  const hash = createHash('sha256');
  let parts: Buffer[] = [];
  let size = 0;
  const take = (part: Buffer) => {
    hash.update(part);
    size += part.length;
    if (size <= mostBytes) parts.push(part);
    else parts = [];
  };
  const end = (): Line | undefined => {
    const bytes = size <= mostBytes ? Buffer.concat(parts) : null;
    parts = [];
    size = 0;
    if (bytes && isBlank(bytes)) return undefined;
    return { bytes, digest: hash.copy().digest('hex') };
  };
  for await (const chunk of source) {
    let from = 0;
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      take(chunk.subarray(from, at));
      hash.update('\n');
      const line = end();
      if (line) yield line;
      from = at + 1;
    }
    take(chunk.subarray(from));
  }
  const line = end();
  if (line) yield line;
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 32 || (byte >= 9 && byte <= 13));
}

const decoders: Record<string, () => ReturnType<typeof createGunzip>> = {
  gzip: createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** The body as it was before its Content-Encoding. Throws `unsupported_media_type` for one that isn't known. */
export function decoded(raw: Request): Readable {
  const encoding = raw.get('content-encoding')?.trim().toLowerCase() ?? 'identity';
  if (encoding === 'identity') return raw;
  const open = decoders[encoding];
  if (!open)
    throw new AppError('unsupported_media_type', 'Send the lines plain, or encoded as gzip, deflate or br.');
  // Whoever reads the decoder learns of the errors of either.
  return pipeline(raw, open(), () => undefined);
}
