import { forbidTelemetry } from '../config.ts';
import { AppError } from '../errors.ts';
import { startThread } from '../threads.ts';
import type { EmbeddingTask } from './embedder.ts';
import type { LocalModelSettings } from './local-model.ts';

export type ToThread = { texts: string[]; task: EmbeddingTask } | 'close';
export type FromThread =
  | { kind: 'ready'; dimensions: number }
  | { kind: 'vectors'; vectors: Float32Array[] }
  | { kind: 'failed'; detail?: string; cause: string };

export interface ModelThread {
  dimensions: number;
  /** One call at a time. Throws AppError `embedding_unavailable`, also when the thread dies meanwhile. */
  run(texts: string[], task: EmbeddingTask): Promise<Float32Array[]>;
  isAlive(): boolean;
  close(): Promise<void>;
}

/** Starts the thread and waits until its model is loaded. Throws AppError `embedding_unavailable`. */
export async function startModelThread(settings: LocalModelSettings): Promise<ModelThread> {
  forbidTelemetry();
  const worker = startThread('./local-thread', import.meta.url, { workerData: settings });
  let alive = true;
  let settle: ((message: FromThread) => void) | undefined;
  let cause = 'the thread ended';

  const hear = (message: FromThread) => {
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
    new Promise<FromThread>((resolve) => {
      settle = resolve;
    });

  const first = await next();
  if (first.kind !== 'ready') {
    await worker.terminate();
    throw failed(first);
  }

  return {
    dimensions: first.dimensions,
    isAlive: () => alive,
    async run(texts, task) {
      if (!alive) throw failed({ kind: 'failed', cause });
      const reply = next();
      worker.postMessage({ texts, task } satisfies ToThread);
      const message = await reply;
      if (message.kind !== 'vectors') throw failed(message);
      return message.vectors;
    },
    async close() {
      if (alive) worker.postMessage('close' satisfies ToThread);
      await ended;
    },
  };
}

function failed(message: FromThread): AppError {
  const { detail, cause } = message.kind === 'failed' ? message : { detail: undefined, cause: message.kind };
  return new AppError('embedding_unavailable', detail ?? 'The embedding model has failed.', {
    cause: new Error(cause),
  });
}
