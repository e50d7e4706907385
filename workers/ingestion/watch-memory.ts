import { readFile } from 'node:fs/promises';

const checkEveryMs = 25;

/**
 * Calls `exceeded` once when the process's resident memory passes the limit. Linux only (elsewhere `/proc` is missing and
 * the heap limit of the process is what remains). Returns what ends the watch.
 */
export function watchMemory(pid: number | undefined, limitMb: number, exceeded: () => void): () => void {
  if (pid === undefined || process.platform !== 'linux') return () => {};
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  async function check(): Promise<void> {
    const megabytes = await residentMegabytes(`/proc/${pid}/status`);
    if (stopped) return;
    if (megabytes > limitMb) exceeded();
    else schedule();
  }

  function schedule(): void {
    timer = setTimeout(() => void check(), checkEveryMs);
  }

  schedule();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

/** VmRSS rather than statm: it counts in kilobytes whatever the page size. 0 once the process is gone. */
async function residentMegabytes(path: string): Promise<number> {
  const status = await readFile(path, 'latin1').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
}
