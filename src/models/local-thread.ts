/** The thread that the local model runs on. Started by model-thread.ts, which holds the other end. */
import { parentPort, workerData } from 'node:worker_threads';
import { AppError } from '../errors.ts';
import { type LocalModel, type LocalModelSettings, openLocalModel } from './local-model.ts';
import type { FromThread, ToThread } from './model-thread.ts';

const port = parentPort;
if (!port) throw new Error('local-thread is an entry point of a worker thread.');

function tell(message: FromThread, transfer: ArrayBuffer[] = []): void {
  port?.postMessage(message, transfer);
}

// The cause goes as text: of an error's own fields only the message survives the way between threads.
function failure(error: unknown): FromThread {
  const detail = error instanceof AppError ? error.message : undefined;
  return { kind: 'failed', ...(detail === undefined ? {} : { detail }), cause: String(error) };
}

async function answer(model: LocalModel, { texts, task }: Exclude<ToThread, 'close'>): Promise<void> {
  try {
    const vectors = await model.embed(texts, task);
    tell(
      { kind: 'vectors', vectors },
      vectors.map((vector) => vector.buffer as ArrayBuffer),
    );
  } catch (error) {
    tell(failure(error));
  }
}

try {
  const model = await openLocalModel(workerData as LocalModelSettings);
  port.on('message', (message: ToThread) => {
    if (message === 'close') void model.release().finally(() => port.close());
    else void answer(model, message);
  });
  tell({ kind: 'ready', dimensions: model.dimensions });
} catch (error) {
  tell(failure(error));
}
