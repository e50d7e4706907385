import { parentPort, workerData } from 'node:worker_threads';
import { AppError } from '../errors.ts';
import type { FromThread, ToThread } from './model-thread.ts';

interface Served<Ask, Reply, Ready> {
  ready: Ready;
  answer(ask: Ask): Promise<Reply>;
  release(): Promise<void>;
}

/** Serves a model from within a thread that startModelThread holds the other end of. For thread entries. */
export async function serveThread<Settings, Ask, Reply, Ready>(
  open: (settings: Settings) => Promise<Served<Ask, Reply, Ready>>,
  transferOf: (reply: Reply) => ArrayBuffer[] = () => [],
): Promise<void> {
  const port = parentPort;
  if (!port) throw new Error('This module is an entry point of a worker thread.');
  const tell = (message: FromThread<Reply, Ready>, transfer: ArrayBuffer[] = []) =>
    port.postMessage(message, transfer);
  const answer = async (served: Served<Ask, Reply, Ready>, ask: Ask) => {
    try {
      const reply = await served.answer(ask);
      tell({ kind: 'done', reply }, transferOf(reply));
    } catch (error) {
      tell(failure(error));
    }
  };
  try {
    const served = await open(workerData as Settings);
    port.on('message', (message: ToThread<Ask>) => {
      if (message === 'close') void served.release().finally(() => port.close());
      else void answer(served, message.ask);
    });
    tell({ kind: 'ready', ready: served.ready });
  } catch (error) {
    tell(failure(error));
  }
}

// The cause goes as text: of an error's own fields only the message survives the way between threads.
function failure(error: unknown): FromThread<never, never> {
  const detail = error instanceof AppError ? error.message : undefined;
  return { kind: 'failed', ...(detail === undefined ? {} : { detail }), cause: String(error) };
}
