import { leaseSeconds } from '../src/db/lease.ts';
import type { Context } from './context.ts';

/**
 * Runs `work` while keeping the lease of a claimed row alive. Its signal aborts as well when the lease is lost: the row is
 * somebody else's then, or was cancelled, and writing would be refused anyway.
 */
export async function underLease<T>(
  { log, signal }: Pick<Context, 'log' | 'signal'>,
  extend: () => Promise<void>,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const lost = new AbortController();
  const timer = setInterval(
    () => {
      extend().catch((error: { code?: string }) => {
        if (error.code === 'lease_lost') lost.abort(error);
        // Anything else may pass before the lease runs out; the write at the end is fenced in any case.
        else log.warn({ err: error }, 'could not extend a lease');
      });
    },
    (leaseSeconds * 1000) / 4,
  );
  try {
    return await work(AbortSignal.any([signal, lost.signal]));
  } finally {
    clearInterval(timer);
  }
}
