import { leaseSeconds } from '../src/db/lease.ts';
import type { Context } from './context.ts';

/**
 * Runs `work` while keeping the lease of a claimed row alive. Its signal aborts as well when the lease is lost: the row is
 * somebody else's then, or was cancelled, and writing would be refused anyway. `watch` may ask for a look at once rather than
 * at the next extension.
 */
export async function underLease<T>(
  { log, signal }: Pick<Context, 'log' | 'signal'>,
  extend: () => Promise<void>,
  work: (signal: AbortSignal) => Promise<T>,
  watch: (look: () => void) => () => void = () => () => undefined,
): Promise<T> {
  const lost = new AbortController();
  const look = () => {
    extend().catch((error: { code?: string }) => {
      if (error.code === 'lease_lost') lost.abort(error);
      // Anything else may pass before the lease runs out; the write at the end is fenced in any case.
      else log.warn({ err: error }, 'could not extend a lease');
    });
  };
  const timer = setInterval(look, (leaseSeconds * 1000) / 4);
  const unwatch = watch(look);
  try {
    return await work(AbortSignal.any([signal, lost.signal]));
  } finally {
    clearInterval(timer);
    unwatch();
  }
}
