/**
 * Entry of the parser process: one file at a time, asked for and answered over IPC. Nothing of the service is in here (no
 * database, no keys, an empty environment), so a file that takes the process over gains little.
 */
import { Worker } from 'node:worker_threads';
import { asAppError } from '../../src/errors.ts';
import type { ParserRegistry } from './formats.ts';
import { parseDocument } from './parse-document.ts';
import type { ChildMessage, PrepareRequest } from './parser-messages.ts';
import { givenText, type PreparedChunk, prepareDocument } from './prepare-document.ts';

// A parser in an endless loop never gets to notice that its parent is gone, so a thread watches for it.
const orphanWatch = `
  const parent = process.ppid;
  setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL'); }, 500);
`;

/** Few enough that the pool's process is never busy with a part for long: its thread has other work. */
const chunksPerMessage = 100;

/** Resolves when the message is on its way, so that what the pool has not taken yet does not pile up here. */
function send(message: ChildMessage): Promise<void> {
  // A pool that is gone needs no answer; the process ends with the connection.
  return new Promise((resolve) => process.send?.(message, () => resolve()));
}

async function answer({ source, options }: PrepareRequest, parsers: ParserRegistry): Promise<void> {
  try {
    const parsed =
      'text' in source ? givenText(source.text) : await parseDocument(source.bytes, source.hints, parsers);
    const { document, chunks } = prepareDocument(parsed, options);
    let part: PreparedChunk[] = [];
    for (const chunk of chunks) {
      part.push(chunk);
      if (part.length < chunksPerMessage) continue;
      await send({ kind: 'chunks', chunks: part });
      part = [];
    }
    await send({ kind: 'chunks', chunks: part });
    await send({ kind: 'prepared', document, rss: process.memoryUsage.rss() });
  } catch (error) {
    await send(refusal(error));
  }
}

function refusal(error: unknown): ChildMessage {
  const { code, message, cause } = asAppError(error);
  const why = cause instanceof Error ? `${cause.name}: ${cause.message}`.slice(0, 500) : undefined;
  const rss = process.memoryUsage.rss();
  return { kind: 'refused', code, detail: message, ...(why !== undefined && { cause: why }), rss };
}

async function serve(registryUrl: string): Promise<void> {
  new Worker(orphanWatch, { eval: true, execArgv: [] }).unref();
  // The parent decides when to stop; a Ctrl-C for the whole group must not cut a parse short.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => {});
  process.on('disconnect', () => process.exit(0));
  const { parsers } = (await import(registryUrl)) as { parsers: ParserRegistry };
  process.on('message', (request: PrepareRequest) => {
    void answer(request, parsers);
  });
  await send({ kind: 'ready' });
}

await serve(process.argv[2] ?? '');
