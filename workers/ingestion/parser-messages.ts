import type { ErrorCode } from '../../src/errors.ts';
import type { FileHints } from './formats.ts';
import type { PreparedChunk, PreparedDocument, PrepareOptions } from './prepare-document.ts';

/** A file; or a text, which stays exactly as it is given, so that its sender can check our offsets. */
export type DocumentSource = { bytes: Uint8Array; hints: FileHints } | { text: string };

/** Pool → parser process. */
export interface PrepareRequest {
  source: DocumentSource;
  options: PrepareOptions;
}

/**
 * Parser process → pool. A document's chunks come in parts, so that neither side ever handles more than a part at once;
 * `prepared` or `refused` ends the job. `rss` is the process's resident memory in bytes after it.
 */
export type ChildMessage =
  | { kind: 'ready' }
  | { kind: 'chunks'; chunks: PreparedChunk[] }
  | { kind: 'prepared'; document: PreparedDocument; rss: number }
  | { kind: 'refused'; code: ErrorCode; detail: string; cause?: string; rss: number };
