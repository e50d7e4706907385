import type { ChildProcess } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from '../src/log.ts';

/** A process that dies so often within this time is not saved by starting it again. */
const mostDeaths = 5;
const windowMs = 60_000;

/** Delay before the second start, doubled with every death within the window. */
const firstDelayMs = 1000;

/** Beyond the processes' own deadline: whoever is left then does not keep it. */
const marginMs = 2000;

export interface Supervision {
  /** Processes to keep running. */
  count: number;
  /** Starts one; n counts from 0 and stays the same for the processes that replace each other. */
  start: (n: number) => ChildProcess;
  /** What a process has to end by itself after its signal. */
  deadlineSeconds: number;
  log: Log;
}

/**
 * Keeps `count` processes running where no orchestrator does: one that ends is started again after a growing delay with
 * jitter, so that those felled by the same cause don't come back in step. Resolves, once all have ended, with the exit code
 * of this process: 0 after a SIGTERM or SIGINT that every one obeyed; 1 when one ended with an error or had to be killed, or
 * died 5 times within a minute, which stops the others too.
 */
export async function supervise(supervision: Supervision): Promise<number> {
  const { count, log } = supervision;
  const stopping = new AbortController();
  const running = new Set<ChildProcess>();
  let code = 0;
  const stop = (signal: NodeJS.Signals) => {
    if (stopping.signal.aborted) return;
    stopping.abort();
    for (const child of running) child.kill(signal);
    setTimeout(
      () => {
        for (const child of running) {
          log.error({ pid: child.pid }, 'killed: it did not stop within its deadline');
          child.kill('SIGKILL');
          code = 1;
        }
      },
      supervision.deadlineSeconds * 1000 + marginMs,
    ).unref();
  };
  const signals = ['SIGTERM', 'SIGINT'] as const;
  for (const signal of signals) {
    process.once(signal, () => {
      log.info({ signal, processes: running.size }, 'stopping');
      stop(signal);
    });
  }
  await Promise.all(
    Array.from({ length: count }, async (_, n) => {
      if (await keepRunning(n, supervision, running, stopping.signal)) return;
      code = 1;
      stop('SIGTERM');
    }),
  );
  return code;
}

/** Whether it ended well: asked to stop, and without an error; false too when it died again and again. */
async function keepRunning(
  n: number,
  { start, log }: Supervision,
  running: Set<ChildProcess>,
  stopping: AbortSignal,
): Promise<boolean> {
  let deaths: number[] = [];
  while (!stopping.aborted) {
    const child = start(n);
    running.add(child);
    const end = await ended(child);
    running.delete(child);
    if (stopping.aborted) return !end.code;
    const now = performance.now();
    deaths = [...deaths.filter((at) => at > now - windowMs), now];
    const died = { process: n, pid: child.pid, ...end, deaths: deaths.length };
    if (deaths.length >= mostDeaths) {
      log.error(died, `a worker died ${mostDeaths} times within a minute: giving up`);
      return false;
    }
    const delayMs = Math.round(firstDelayMs * 2 ** (deaths.length - 1) * (0.5 + Math.random()));
    log.warn({ ...died, delayMs }, 'a worker died and will be started again');
    await pause(delayMs, undefined, { signal: stopping }).catch(() => undefined);
  }
  return true;
}

/** How it ended; a process that could not even be started (no memory, no more processes allowed) has ended too. */
function ended(child: ChildProcess): Promise<{ code: number | null; signal: string | null; err?: Error }> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.on('error', (err) => {
      if (child.pid === undefined) resolve({ code: null, signal: null, err });
    });
  });
}
