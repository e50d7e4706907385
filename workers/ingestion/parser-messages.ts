import type { ErrorCode } from '../../src/errors.ts';
import type { FileHints } from './formats.ts';
import type { PackedChunk } from './packed-chunk.ts';
import type { PreparedDocument, PrepareOptions } from './prepare-document.ts';

/**
 * A file, whole or in parts that are read when they are wanted, from the beginning at every call; or a text, which stays
 * exactly as it is given, so that its sender can check our offsets.
 */
export type DocumentSource =
  | { bytes: Uint8Array; hints: FileHints }
  | { parts: () => AsyncIterable<Uint8Array>; hints: FileHints }
  | { text: string };

/** What is said of a document as a whole. */
export type PreparedSummary = Omit<PreparedDocument, 'text'>;

/** A stretch of a document's text, and its chunks; offsets count from the beginning of the document. */
export interface PreparedWindow {
  text: string;
  chunks: PackedChunk[];
}

export interface PrepareRequest {
  kind: 'prepare';
  source: { hints: FileHints } | { text: string };
  options: PrepareOptions;
}

/** Pool → parser process. A part answers `more`, `end` says that there is none; `stored` answers `window`. */
export type PoolMessage =
  | PrepareRequest
  | { kind: 'part'; bytes: Uint8Array }
  | { kind: 'end' }
  | { kind: 'stored' };

/**
 * Parser process → pool. The process asks for the bytes part by part. A window's chunks come in messages of some, then its
 * text; the process goes on once the window is stored, so that neither side ever holds more than a window or two. `prepared`
 * or `refused` ends the job. `rss` is the process's resident memory in bytes after it.
 */
export type ChildMessage =
  | { kind: 'ready' }
  | { kind: 'more' }
  | { kind: 'chunks'; chunks: PackedChunk[] }
  | { kind: 'window'; text: string }
  | { kind: 'prepared'; summary: PreparedSummary; rss: number }
  | { kind: 'refused'; code: ErrorCode; detail: string; cause?: string; rss: number };
