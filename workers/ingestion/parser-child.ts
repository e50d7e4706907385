/**
 * Entry of the parser process: one file at a time, asked for and answered over IPC. Nothing of the service is in here (no
 * database, no keys, an empty environment), so a file that takes the process over gains little.
 */
import { Worker } from 'node:worker_threads';
import { asAppError } from '../../src/errors.ts';
import type { ParserRegistry } from './formats.ts';
import { type PackedChunk, packed } from './packed-chunk.ts';
import type { ParseResult } from './parse-document.ts';
import type { ChildMessage, PoolMessage, PrepareRequest } from './parser-messages.ts';
import { givenText } from './prepare-document.ts';
import { prepareWindows, type WindowSink } from './prepare-windows.ts';
import { readDocuments } from './read-documents.ts';

// A parser in an endless loop never gets to notice that its parent is gone, so a thread watches for it.
const orphanWatch = `
  const parent = process.ppid;
  setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL'); }, 500);
`;

/** Few enough that the pool's process is never busy with a part for long: its thread has other work. */
const chunksPerMessage = 100;

type Answer = Exclude<PoolMessage, PrepareRequest>;
let answered: ((answer: Answer) => void) | undefined;

/** Resolves when the message is on its way, so that what the pool has not taken yet does not pile up here. */
function send(message: ChildMessage): Promise<void> {
  // A pool that is gone needs no answer; the process ends with the connection.
  return new Promise((resolve) => process.send?.(message, () => resolve()));
}

function ask(message: ChildMessage): Promise<Answer> {
  return new Promise((resolve) => {
    answered = resolve;
    void send(message);
  });
}

async function* askForParts(): AsyncGenerator<Uint8Array> {
  for (;;) {
    const answer = await ask({ kind: 'more' });
    if (answer.kind !== 'part') return;
    yield answer.bytes;
  }
}

function createSink(): WindowSink {
  let part: PackedChunk[] = [];
  const sendPart = async (): Promise<void> => {
    await send({ kind: 'chunks', chunks: part });
    part = [];
  };
  return {
    async chunk(chunk) {
      part.push(packed(chunk));
      if (part.length >= chunksPerMessage) await sendPart();
    },
    async window(text) {
      await sendPart();
      await ask({ kind: 'window', text });
    },
  };
}

async function* givenDocument(text: string): AsyncGenerator<ParseResult> {
  yield givenText(text);
}

async function answer({ source, options }: PrepareRequest, parsers: ParserRegistry): Promise<void> {
  try {
    const documents =
      'text' in source ? givenDocument(source.text) : readDocuments(askForParts(), source.hints, parsers);
    const summary = await prepareWindows(documents, options, createSink());
    await send({ kind: 'prepared', summary, rss: process.memoryUsage.rss() });
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
  process.on('message', (message: PoolMessage) => {
    if (message.kind === 'prepare') void answer(message, parsers);
    else answered?.(message);
  });
  await send({ kind: 'ready' });
}

await serve(process.argv[2] ?? '');
