import { type ChildProcess, fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { AppError } from '../../src/errors.ts';
import type { PackedChunk } from './packed-chunk.ts';
import { exitError, outOfMemory, startFailure } from './parser-exit.ts';
import type {
  ChildMessage,
  DocumentSource,
  PoolMessage,
  PreparedSummary,
  PreparedWindow,
  PrepareRequest,
} from './parser-messages.ts';
import type { PrepareOptions } from './prepare-document.ts';
import { watchMemory } from './watch-memory.ts';

const startTimeoutMs = 60_000;

export interface ParserLimits {
  timeoutMs: number;
  /** Resident memory of the whole process; it takes about 100 MB when idle. */
  memoryMb: number;
  /** Module that exports `parsers`. */
  registryUrl: string;
}

/** Takes the windows of a document, one after the other. What it throws ends the job. */
export type StoreWindow = (window: PreparedWindow) => Promise<void>;

/** A child process that prepares one document at a time. */
export interface ParserProcess {
  readonly pid: number | undefined;
  readonly alive: boolean;
  /** Nothing has been prepared in it yet. */
  readonly fresh: boolean;
  /** Resident bytes after its last document. */
  readonly rss: number;
  /** Of its last document. */
  readonly windows: number;
  prepare(source: DocumentSource, options: PrepareOptions, store: StoreWindow): Promise<PreparedSummary>;
  /** Kills at once; running work rejects with the reason. */
  kill(reason: unknown): void;
}

interface Job {
  request: PrepareRequest;
  parts: AsyncIterator<Uint8Array>;
  store: StoreWindow;
  resolve(result: PreparedSummary): void;
  reject(reason: unknown): void;
  /** Those of the window that have arrived. */
  chunks: PackedChunk[];
  /** Ends the time and memory watch. */
  unwatch(): void;
}

export function startParserProcess(limits: ParserLimits): ParserProcess {
  const child = forkChild(limits);
  const state = {
    alive: true,
    fresh: true,
    ready: false,
    rss: 0,
    windows: 0,
    stderr: '',
    killedFor: undefined as unknown,
  };
  let job: Job | undefined;
  // A child that is gone already says so through its exit.
  const send = (message: PoolMessage): void => void child.send(message, () => {});

  const kill = (reason: unknown): void => {
    state.killedFor ??= reason;
    state.alive = false;
    child.kill('SIGKILL');
  };
  const startTimer = setTimeout(() => kill(startFailure('did not start in time')), startTimeoutMs);

  function end(settle: (job: Job) => void): void {
    const ended = job;
    job = undefined;
    ended?.unwatch();
    if (ended !== undefined) settle(ended);
  }

  function begin(): void {
    if (!state.ready || job === undefined) return;
    job.unwatch = watchLimits(child, limits, kill);
    send(job.request);
  }

  async function feed({ parts }: Job): Promise<void> {
    const next = await parts.next();
    send(next.done ? { kind: 'end' } : { kind: 'part', bytes: next.value });
  }

  /** Limits hold for the child's own work, window by window: what storing takes is not its doing. */
  async function take(running: Job, text: string): Promise<void> {
    running.unwatch();
    state.windows += 1;
    const { chunks } = running;
    running.chunks = [];
    await running.store({ text, chunks });
    if (job !== running) return;
    running.unwatch = watchLimits(child, limits, kill);
    send({ kind: 'stored' });
  }

  child.stderr?.on('data', (data: Buffer) => {
    state.stderr = (state.stderr + data.toString()).slice(-4000);
  });
  child.on('message', (message: ChildMessage) => {
    if (message.kind === 'ready') {
      clearTimeout(startTimer);
      state.ready = true;
      begin();
      return;
    }
    if (message.kind === 'chunks') {
      job?.chunks.push(...message.chunks);
      return;
    }
    if (message.kind === 'more' || message.kind === 'window') {
      if (job) (message.kind === 'more' ? feed(job) : take(job, message.text)).catch(kill);
      return;
    }
    state.rss = message.rss;
    if (message.kind === 'prepared') end(({ resolve }) => resolve(message.summary));
    else end(({ reject }) => reject(new AppError(message.code, message.detail, { cause: message.cause })));
  });
  child.on('error', (error) => kill(startFailure(error.message)));
  child.on('close', (code, signal) => {
    clearTimeout(startTimer);
    state.alive = false;
    end(({ reject }) => reject(state.killedFor ?? exitError(state.ready, code, signal, state.stderr)));
  });

  return {
    get pid() {
      return child.pid;
    },
    get alive() {
      return state.alive;
    },
    get fresh() {
      return state.fresh;
    },
    get rss() {
      return state.rss;
    },
    get windows() {
      return state.windows;
    },
    prepare: (source, options, store) =>
      new Promise((resolve, reject) => {
        state.fresh = false;
        state.windows = 0;
        const request = requestFor(source, options);
        job = { request, parts: partsOf(source), store, resolve, reject, chunks: [], unwatch: () => {} };
        begin();
      }),
    kill,
  };
}

function requestFor(source: DocumentSource, options: PrepareOptions): PrepareRequest {
  return { kind: 'prepare', source: 'text' in source ? source : { hints: source.hints }, options };
}

async function* partsOf(source: DocumentSource): AsyncGenerator<Uint8Array> {
  if ('parts' in source) yield* source.parts();
  if ('bytes' in source) yield source.bytes;
}

function forkChild({ memoryMb, registryUrl }: ParserLimits): ChildProcess {
  const source = import.meta.url.endsWith('.ts');
  const loader = source
    ? ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href]
    : [];
  return fork(new URL(source ? './parser-child.ts' : './parser-child.js', import.meta.url), [registryUrl], {
    serialization: 'advanced',
    // Below the limit on resident memory, so that the collector works before the watch has to kill. What is young takes three
    // times the second, 16 unless told otherwise.
    execArgv: [`--max-old-space-size=${Math.ceil(memoryMb * 0.75)}`, '--max-semi-space-size=4', ...loader],
    // No secrets for a process that reads strangers' files.
    env: {},
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
}

/** Kills the child when it takes too long or too much memory; returns what ends the watch. */
function watchLimits(child: ChildProcess, limits: ParserLimits, kill: (reason: unknown) => void): () => void {
  const seconds = limits.timeoutMs / 1000;
  const timer = setTimeout(
    () =>
      kill(
        new AppError('parse_timeout', `Reading the file took longer than the limit of ${seconds} seconds.`),
      ),
    limits.timeoutMs,
  );
  const unwatchMemory = watchMemory(child.pid, limits.memoryMb, () => kill(outOfMemory()));
  return () => {
    clearTimeout(timer);
    unwatchMemory();
  };
}
