import { AppError } from '../../src/errors.ts';
import { packed, unpacked } from './packed-chunk.ts';
import type { DocumentSource, PreparedSummary } from './parser-messages.ts';
import { type ParserProcess, type StoreWindow, startParserProcess } from './parser-process.ts';
import {
  givenText,
  type PreparedChunk,
  type PreparedDocument,
  type PrepareOptions,
  prepareDocument,
} from './prepare-document.ts';

/** Characters up to which a text is prepared in place (50 ms at most): it must not wait behind a slow file. */
const shortText = 20_000;

/** Beyond so many windows a process is replaced: beside that document's time a start is short, and its memory is given back. */
const longDocument = 4;

export interface ParserPoolOptions {
  timeoutMs: number;
  /** Limit on the resident memory of each process. */
  memoryMb: number;
  /** Most processes, and so files read at once. They start when needed and stay. */
  size: number;
  /** What the limits of all processes together may come to: a file beyond waits, the first never does. Left out: any sum. */
  totalMemoryMb?: number;
  /**
   * A process that still holds more than this after a document is replaced, so that the memory is given back; three fifths
   * of the limit unless told otherwise.
   */
  recycleMb?: number;
  /** Module that exports `parsers`; the project's own registry unless told otherwise. */
  registryUrl?: string;
}

export interface Prepared extends PreparedDocument {
  chunks: PreparedChunk[];
}

export interface ParserPool {
  /**
   * Reads a document and cuts it into chunks ready to store, in a process of its own, so that no file can take the worker
   * down with it and none keeps its thread busy. A short text is prepared at once.
   *
   * @throws AppError with what `parseDocument` and `prepareDocument` say, `parse_timeout`, `parse_out_of_memory`, `shutting_down`, or
   * `internal` when the process could not start or was stopped from outside; the abort reason when the signal aborts
   *
   * `openStore` is called once for every try, the second of which begins anew; what it gives takes the windows in order, and
   * reading goes on when it resolves. What it throws ends the reading and is thrown.
   */
  prepareWindows(
    source: DocumentSource,
    options: PrepareOptions,
    openStore: () => StoreWindow,
    signal?: AbortSignal,
  ): Promise<PreparedSummary>;
  /** The same, all of it at once in memory. */
  prepare(source: DocumentSource, options: PrepareOptions, signal?: AbortSignal): Promise<Prepared>;
  /** Stops all processes; what runs or waits rejects with `shutting_down`. */
  close(): void;
}

export function createParserPool(options: ParserPoolOptions): ParserPool {
  const {
    memoryMb,
    timeoutMs,
    recycleMb = memoryMb * 0.6,
    size,
    totalMemoryMb = Number.POSITIVE_INFINITY,
  } = options;
  const registryUrl = options.registryUrl ?? new URL(registryFile(), import.meta.url).href;
  const idle: ParserProcess[] = [];
  const busy = new Set<ParserProcess>();
  const waiting: (() => void)[] = [];
  let slots = Math.max(1, Math.min(size, Math.floor(totalMemoryMb / memoryMb)));
  let closed = false;

  async function takeSlot(signal: AbortSignal | undefined): Promise<void> {
    if (slots > 0) {
      slots -= 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const go = (): void => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        waiting.splice(waiting.indexOf(go), 1);
        reject(signal?.reason);
      };
      waiting.push(go);
      signal?.addEventListener('abort', leave, { once: true });
    });
  }

  function freeSlot(): void {
    const next = waiting.shift();
    if (next === undefined) slots += 1;
    else next();
  }

  function startProcess(): ParserProcess {
    return startParserProcess({ timeoutMs, memoryMb, registryUrl });
  }

  function takeProcess(): ParserProcess {
    for (let next = idle.pop(); next !== undefined; next = idle.pop()) if (next.alive) return next;
    return startProcess();
  }

  function giveBack(child: ParserProcess): void {
    busy.delete(child);
    if (!child.alive) return;
    if (closed || child.rss > recycleMb * 1024 * 1024 || child.windows > longDocument)
      child.kill(shuttingDown());
    else idle.push(child);
  }

  async function run(
    source: DocumentSource,
    options: PrepareOptions,
    openStore: () => StoreWindow,
    signal: AbortSignal | undefined,
    take = takeProcess,
  ): Promise<PreparedSummary> {
    if (closed) throw shuttingDown();
    signal?.throwIfAborted();
    const child = take();
    const { fresh } = child;
    busy.add(child);
    const abort = (): void => child.kill(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      return await child.prepare(source, options, openStore());
    } catch (error) {
      // Part of the memory may be what earlier documents left: only a new process tells.
      const unfair = !fresh && error instanceof AppError && error.code === 'parse_out_of_memory';
      if (!unfair) throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
      giveBack(child);
    }
    return run(source, options, openStore, signal, startProcess);
  }

  async function prepareWindows(
    source: DocumentSource,
    options: PrepareOptions,
    openStore: () => StoreWindow,
    signal?: AbortSignal,
  ): Promise<PreparedSummary> {
    signal?.throwIfAborted();
    if ('text' in source && source.text.length <= shortText)
      return prepareInPlace(source.text, options, openStore());
    await takeSlot(signal);
    try {
      return await run(source, options, openStore, signal);
    } finally {
      freeSlot();
    }
  }

  return {
    prepareWindows,
    async prepare(source, options, signal) {
      let text = '';
      let chunks: PreparedChunk[] = [];
      const openStore = (): StoreWindow => {
        text = '';
        chunks = [];
        return async (window) => {
          text += window.text;
          chunks.push(...window.chunks.map(unpacked));
        };
      };
      const summary = await prepareWindows(source, options, openStore, signal);
      return { ...summary, text, chunks };
    },
    close() {
      closed = true;
      for (const child of [...busy, ...idle.splice(0)]) child.kill(shuttingDown());
    },
  };
}

async function prepareInPlace(
  given: string,
  options: PrepareOptions,
  store: StoreWindow,
): Promise<PreparedSummary> {
  const { document, chunks } = prepareDocument(givenText(given), options);
  const { text, ...summary } = document;
  await store({ text, chunks: Array.from(chunks, packed) });
  return summary;
}

function registryFile(): string {
  return import.meta.url.endsWith('.ts') ? './parsers/registry.ts' : './parsers/registry.js';
}

function shuttingDown(): AppError {
  return new AppError('shutting_down', 'The process is shutting down; the file will be read again later.');
}
