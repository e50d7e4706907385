import type { Log } from './log.ts';

/** What must be closed, last opened first closed. */
export interface Shutdown {
  /** Registers the release of something just opened. */
  add(name: string, close: () => Promise<unknown> | unknown): void;
  /** Closes everything once; later calls wait for the first. Exits the process hard when the deadline passes. */
  run(): Promise<void>;
  /** Aborts with the first request to stop: handlers and readiness watch it. */
  signal: AbortSignal;
}

export function createShutdown(
  log: Log,
  deadlineSeconds: number,
  exit: (code: number) => void = process.exit,
): Shutdown {
  const closers: { name: string; close: () => Promise<unknown> | unknown }[] = [];
  const controller = new AbortController();
  let running: Promise<void> | undefined;
  const closeAll = async () => {
    controller.abort(new Error('shutting down'));
    const timer = setTimeout(() => {
      log.error({ waitingFor: closers.map(({ name }) => name) }, 'shutdown took longer than its deadline');
      exit(1);
    }, deadlineSeconds * 1000);
    timer.unref();
    for (let closer = closers.pop(); closer; closer = closers.pop()) {
      try {
        await closer.close();
      } catch (error) {
        log.warn({ resource: closer.name, err: error }, 'closing failed');
      }
    }
    clearTimeout(timer);
  };
  return {
    add: (name, close) => void closers.push({ name, close }),
    run: () => {
      running ??= closeAll();
      return running;
    },
    signal: controller.signal,
  };
}

/** First SIGTERM or SIGINT: shut down in order, then exit. */
export function stopOnSignals(shutdown: Shutdown, log: Log): void {
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => {
      log.info({ signal: name }, 'stopping');
      void shutdown.run().then(() => process.exit(0));
    });
  }
}
