import { setTimeout as pause } from 'node:timers/promises';
import type { Entry } from './ledger.ts';

export interface LoadOptions {
  concurrency: number;
  /** Requests a second at most. */
  rate: number;
  /** Called before each request with its position; the load waits for it. */
  gate: (n: number) => Promise<void>;
}

/** Sends the ledger's requests in order, `concurrency` at a time. Resolves when each was accepted or given up. */
export async function driveLoad(
  ledger: readonly Entry[],
  submit: (entry: Entry, id?: string) => Promise<void>,
  { concurrency, rate, gate }: LoadOptions,
): Promise<void> {
  const settled: Promise<void>[] = [];
  let next = 0;
  let free = performance.now();
  const one = async (entry: Entry) => {
    if (entry.after === undefined) return submit(entry);
    await settled[entry.after];
    // Without the document there is nothing to delete or to change.
    const { ack } = ledger[entry.after] as Entry;
    if (ack) await submit(entry, ack.id);
  };
  const lane = async () => {
    for (let n = next++; n < ledger.length; n = next++) {
      await gate(n);
      free = Math.max(free + 1000 / rate, performance.now());
      await pause(free - performance.now());
      const ended = one(ledger[n] as Entry);
      settled[n] = ended;
      await ended;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
}
