import type { Knex } from 'knex';
import { addKeyUse, type KeyUse } from '../db/key-usage.ts';
import type { Log } from '../log.ts';

const everyMs = 1000;

export interface KeyUseWriter {
  requested(id: string, limited: boolean): void;
  ended(id: string, status: number): void;
  /** Writes what has been counted. */
  flush(): Promise<void>;
}

/** `at`: of the last request, on this process' monotonic clock in milliseconds. */
type Counted = Omit<KeyUse, 'agoMs'> & { at: number | undefined };

/**
 * Counts requests in memory and writes them a second later, in one statement for all keys: what is told of the past may be
 * late. A process that is killed loses its last second of it.
 */
export function createKeyUseWriter(db: Knex, log: Log): KeyUseWriter {
  let uses = new Map<string, Counted>();
  let timer: NodeJS.Timeout | undefined;
  let writing = Promise.resolve();

  const useOf = (id: string) => {
    const use = uses.get(id) ?? {
      ...{ id, at: undefined, requests: 0, limited: 0 },
      ended: [0, 0, 0, 0] as KeyUse['ended'],
    };
    uses.set(id, use);
    timer ??= setTimeout(() => void flush(), everyMs).unref();
    return use;
  };
  const write = async () => {
    clearTimeout(timer);
    timer = undefined;
    if (uses.size === 0) return;
    const taken = uses;
    uses = new Map();
    const now = performance.now();
    // In one order everywhere, so that two processes never wait for each other's rows.
    const rows = [...taken.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    try {
      await addKeyUse(
        db,
        rows.map((use) => ({ ...use, agoMs: use.at === undefined ? -1 : now - use.at })),
      );
    } catch (error) {
      log.warn({ err: error, keys: rows.length }, 'the use of keys could not be written; trying again');
      for (const use of rows) addTo(useOf(use.id), use);
    }
  };
  const flush = () => {
    writing = writing.then(write);
    return writing;
  };
  return {
    requested: (id, limited) => {
      const use = useOf(id);
      use.at = performance.now();
      use.requests += 1;
      if (limited) use.limited += 1;
    },
    ended: (id, status) => {
      const at = Math.floor(status / 100) - 2;
      const { ended } = useOf(id);
      if (at >= 0 && at <= 3) ended[at as 0 | 1 | 2 | 3] += 1;
    },
    flush,
  };
}

function addTo(use: Counted, more: Counted): void {
  use.at = use.at ?? more.at;
  use.requests += more.requests;
  use.limited += more.limited;
  for (const at of [0, 1, 2, 3] as const) use.ended[at] += more.ended[at];
}
