import { forbidTelemetry } from '../config.ts';
import type { AppError } from '../errors.ts';
import { startThread } from '../threads.ts';

export type ToThread<Ask> = { ask: Ask } | 'close';
export type FromThread<Reply, Ready> =
  | { kind: 'ready'; ready: Ready }
  | { kind: 'done'; reply: Reply }
  | { kind: 'failed'; detail?: string; cause: string };

/** A model that computes on a thread of its own (served there by serve-thread.ts). */
export interface ModelThread<Ask, Reply, Ready> {
  /** What the thread said of its model. */
  ready: Ready;
  /** One call at a time. Throws what `failure` makes, also when the thread dies meanwhile. */
  run(ask: Ask): Promise<Reply>;
  isAlive(): boolean;
  close(): Promise<void>;
}

interface ThreadOptions {
  /** Its entry `./name`, beside the module `from` (import.meta.url). */
  name: string;
  from: string;
  settings: unknown;
  /** The error for callers: with the sentence of the thread's own AppError, where it had one. */
  failure: (detail: string | undefined, cause: Error) => AppError;
}

/** Starts the thread and waits until its model is loaded. Throws what `failure` makes. */
export async function startModelThread<Ask, Reply, Ready>({
  name,
  from,
  settings,
  failure,
}: ThreadOptions): Promise<ModelThread<Ask, Reply, Ready>> {
  forbidTelemetry();
  const worker = startThread(name, from, { workerData: settings });
  let alive = true;
  let settle: ((message: FromThread<Reply, Ready>) => void) | undefined;
  let cause = 'the thread ended';

  const hear = (message: FromThread<Reply, Ready>) => {
    settle?.(message);
    settle = undefined;
  };
  worker.on('message', hear);
  worker.on('error', (error) => {
    cause = String(error);
  });
  const ended = new Promise<void>((resolve) => {
    worker.on('exit', () => {
      alive = false;
      hear({ kind: 'failed', cause });
      resolve();
    });
  });
  const next = () =>
    new Promise<FromThread<Reply, Ready>>((resolve) => {
      settle = resolve;
    });
  const failed = (message: FromThread<Reply, Ready>) =>
    message.kind === 'failed'
      ? failure(message.detail, new Error(message.cause))
      : failure(undefined, new Error(message.kind));

  const first = await next();
  if (first.kind !== 'ready') {
    await worker.terminate();
    throw failed(first);
  }

  return {
    ready: first.ready,
    isAlive: () => alive,
    async run(ask) {
      if (!alive) throw failed({ kind: 'failed', cause });
      const reply = next();
      worker.postMessage({ ask } satisfies ToThread<Ask>);
      const message = await reply;
      if (message.kind !== 'done') throw failed(message);
      return message.reply;
    },
    async close() {
      if (alive) worker.postMessage('close' satisfies ToThread<Ask>);
      await ended;
    },
  };
}
