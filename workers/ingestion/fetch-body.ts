import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { PassThrough, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { AppError } from '../../src/errors.ts';
import { unreachable } from '../net/pinned-request.ts';

/** What `Accept-Encoding` asks for. */
export const acceptedEncodings = 'gzip, deflate, br';

const decoders: Record<string, () => Transform> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  identity: () => new PassThrough(),
};

/** Bytes of a part handed on: as much as a row of the database takes. */
const partBytes = 256 * 1024;

export interface BodyOptions {
  url: URL;
  /** Most bytes, packed as well as unpacked. */
  maxBytes: number;
  /** Longest pause of the server, milliseconds. */
  idleMs: number;
  signal: AbortSignal;
  /** Takes the next part; nothing more is read meanwhile. */
  store(part: Buffer): Promise<void>;
}

/**
 * Reads a response to its end, unpacked, in parts; nothing beyond a part is held.
 *
 * @throws AppError `url_too_large`, `url_unreachable`, `unsupported_format` for an unknown Content-Encoding; what `store` throws
 */
export async function readBody(
  response: IncomingMessage,
  options: BodyOptions,
): Promise<{ bytes: number; hash: string }> {
  const { maxBytes, store } = options;
  if (Number(response.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const hash = createHash('sha256');
  let bytes = 0;
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of piecesOf(response, options)) {
    bytes += piece.length;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    hash.update(piece);
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    for (; rest.length >= partBytes; rest = rest.subarray(partBytes))
      await store(rest.subarray(0, partBytes));
  }
  if (rest.length > 0) await store(rest);
  return { bytes, hash: hash.digest('hex') };
}

/** The unpacked pieces of a response. The server's pauses are timed, not those in which the caller is busy with a piece. */
async function* piecesOf(
  response: IncomingMessage,
  { url, idleMs, maxBytes, signal }: BodyOptions,
): AsyncGenerator<Buffer> {
  const decoded = decode(response, maxBytes);
  const abort = () => decoded.destroy(signal.reason);
  const giveUp = () => decoded.destroy(new Error(`it sent nothing for ${idleMs / 1000} s`));
  signal.addEventListener('abort', abort, { once: true });
  const pieces = decoded[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  try {
    signal.throwIfAborted();
    for (;;) {
      const pause = setTimeout(giveUp, idleMs);
      const next = await pieces.next().finally(() => clearTimeout(pause));
      if (next.done) return;
      yield next.value;
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw error instanceof AppError ? error : unreachable(url, error);
  } finally {
    signal.removeEventListener('abort', abort);
    decoded.destroy();
    response.destroy();
  }
}

function decode(response: IncomingMessage, maxBytes: number): Transform {
  const named = (response.headers['content-encoding'] ?? '').toLowerCase().trim() || 'identity';
  const decoder = decoders[named];
  if (!decoder)
    throw new AppError('unsupported_format', `The server sent Content-Encoding ${named}, which is not read.`);
  const decoded = decoder();
  let packed = 0;
  // A stream of empty blocks unpacks to nothing for ever.
  response.on('data', (chunk: Buffer) => {
    packed += chunk.length;
    if (packed > maxBytes) decoded.destroy(tooLarge(maxBytes));
  });
  response.on('error', (error) => decoded.destroy(error));
  return response.pipe(decoded);
}

function tooLarge(maxBytes: number): AppError {
  return new AppError(
    'url_too_large',
    `What the URL gives is larger than ${Math.floor(maxBytes / 1024 / 1024)} MB (MAX_UPLOAD_MB).`,
  );
}
