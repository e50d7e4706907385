import { AppError } from '../../src/errors.ts';
import type { DocumentSource, PrepareRequest } from './parser-messages.ts';
import { type ParserProcess, type Prepared, startParserProcess } from './parser-process.ts';
import { givenText, type PrepareOptions, prepareDocument } from './prepare-document.ts';

/** Characters up to which a text is prepared in place (50 ms at most): it must not wait behind a slow file. */
const shortText = 20_000;

export interface ParserPoolOptions {
  timeoutMs: number;
  /** Limit on the resident memory of each process. */
  memoryMb: number;
  /** Most processes, and so files read at once. They start when needed and stay. */
  size: number;
  /**
   * A process that still holds more than this after a document is replaced, so that the memory is given back; three fifths
   * of the limit unless told otherwise.
   */
  recycleMb?: number;
  /** Module that exports `parsers`; the project's own registry unless told otherwise. */
  registryUrl?: string;
}

export interface ParserPool {
  /**
   * Reads a document and cuts it into chunks ready to store, in a process of its own, so that no file can take the worker
   * down with it and none keeps its thread busy. A short text is prepared at once.
   *
   * @throws AppError with what `parseDocument` and `prepareDocument` say, `parse_timeout`, `parse_out_of_memory`, `shutting_down`, or
   * `internal` when the process could not start or was stopped from outside; the abort reason when the signal aborts
   */
  prepare(source: DocumentSource, options: PrepareOptions, signal?: AbortSignal): Promise<Prepared>;
  /** Stops all processes; what runs or waits rejects with `shutting_down`. */
  close(): void;
}

export function createParserPool(options: ParserPoolOptions): ParserPool {
  const { memoryMb, timeoutMs, recycleMb = memoryMb * 0.6, size } = options;
  const registryUrl = options.registryUrl ?? new URL(registryFile(), import.meta.url).href;
  const idle: ParserProcess[] = [];
  const busy = new Set<ParserProcess>();
  const waiting: (() => void)[] = [];
  let slots = size;
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
    if (closed || child.rss > recycleMb * 1024 * 1024) child.kill(shuttingDown());
    else idle.push(child);
  }

  async function run(
    request: PrepareRequest,
    signal: AbortSignal | undefined,
    take = takeProcess,
  ): Promise<Prepared> {
    if (closed) throw shuttingDown();
    signal?.throwIfAborted();
    const child = take();
    const { fresh } = child;
    busy.add(child);
    const abort = (): void => child.kill(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      return await child.prepare(request);
    } catch (error) {
      // Part of the memory may be what earlier documents left: only a new process tells.
      const unfair = !fresh && error instanceof AppError && error.code === 'parse_out_of_memory';
      if (!unfair) throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
      giveBack(child);
    }
    return run(request, signal, startProcess);
  }

  return {
    async prepare(source, options, signal) {
      signal?.throwIfAborted();
      if ('text' in source && source.text.length <= shortText) return prepareInPlace(source.text, options);
      await takeSlot(signal);
      try {
        return await run({ source, options }, signal);
      } finally {
        freeSlot();
      }
    },
    close() {
      closed = true;
      for (const child of [...busy, ...idle.splice(0)]) child.kill(shuttingDown());
    },
  };
}

function prepareInPlace(text: string, options: PrepareOptions): Prepared {
  const { document, chunks } = prepareDocument(givenText(text), options);
  return { ...document, chunks: [...chunks] };
}

function registryFile(): string {
  return import.meta.url.endsWith('.ts') ? './parsers/registry.ts' : './parsers/registry.js';
}

function shuttingDown(): AppError {
  return new AppError('shutting_down', 'The process is shutting down; the file will be read again later.');
}
