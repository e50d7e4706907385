import { setTimeout as pause } from 'node:timers/promises';
import { createClient, type Reply } from '../../support/http.ts';
import { adminKey } from '../product.ts';

const replyMs = 30_000;
const patienceMs = 300_000;

export interface Told {
  reply: Reply;
  /** An earlier try of the same request got no whole reply: it may have been done. */
  unsure: boolean;
}

/** Counts of tries that did not end the request. */
export interface Tries {
  cutOff: number;
  putOff: number;
}

/** One request, tried again while it is cut off or put off, until it is answered for good. */
export function openCaller(url: () => string, tries: Tries) {
  return async (method: string, path: string, json?: unknown, key?: string): Promise<Told> => {
    const end = performance.now() + patienceMs;
    for (let unsure = false; performance.now() < end; ) {
      const headers = key === undefined ? {} : { 'Idempotency-Key': key };
      const call = createClient(url(), adminKey).call(method, path, { json, headers });
      const late = pause(replyMs, undefined, { ref: false });
      const reply = await Promise.race([call, late]).catch(() => undefined);
      if (reply && !isPutOff(reply)) return { reply, unsure };
      if (reply) tries.putOff++;
      else {
        tries.cutOff++;
        unsure = true;
      }
      // A failure of ours may have come behind a commit.
      if (reply && reply.status >= 500) unsure = true;
      await pause(100 + Math.random() * 300);
    }
    throw new Error(`${method} ${path} was not answered within ${patienceMs / 1000} s`);
  };
}

function isPutOff({ status, body }: Reply): boolean {
  return status >= 500 || status === 429 || body?.code === 'idempotency_in_progress';
}
