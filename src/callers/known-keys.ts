import { setTimeout as sleep } from 'node:timers/promises';
import type { Knex } from 'knex';
import { LRUCache } from 'lru-cache';
import { readValidKeys, type ValidKey } from '../db/api-keys.ts';
import type { ClaimedKey } from '../keys.ts';

/** Younger than this, what was read is used as it is; … */
const freshMs = 250;
/** … up to this, it is used while it is read again; older, it is waited for. So a revocation is in force within a second. */
const usableMs = 700;
/** What a caller who sends wrong keys waits for a look-up to be made together with others. */
const patientMs = 200;
const mostInOneStatement = 1000;

/** A key as it was read, with its ends on this process' monotonic clock, in milliseconds. */
export interface KnownKey extends ValidKey {
  expiresAt: number;
  previousUntil: number;
}

interface Entry {
  readAt: number;
  /** undefined: there is no such valid key. */
  key: KnownKey | undefined;
}

export interface KnownKeys {
  /** The valid key that is claimed by id, or has this hash. Whoever is patient waits a little unless it was known before. */
  find(claimed: ClaimedKey, hash: Buffer, patient: boolean): Promise<KnownKey | undefined>;
  /** What this process has changed: the next request reads it. */
  forget(): void;
}

/**
 * Keys as this process knows them. One statement at a time reads what has been asked for meanwhile, so however many wrong keys
 * come, the database is asked no more often than it answers, and right ones wait for two answers at most.
 */
export function createKnownKeys(db: Knex): KnownKeys {
  const entries = new LRUCache<string, Entry>({ max: 20_000 });
  const lookUp = createLookUp(async (names) => {
    const readAt = performance.now();
    const found = await read(db, names, readAt);
    for (const name of names) entries.set(name, { readAt, key: found.get(name) });
    return found;
  });
  let changedAt = Number.NEGATIVE_INFINITY;
  let tick: Promise<void> | undefined;
  const lookUpLater = async (name: string) => {
    tick ??= sleep(patientMs).then(() => {
      tick = undefined;
    });
    await tick;
    return lookUp(name);
  };
  return {
    find: async (claimed, hash, patient) => {
      const name = claimed.form === 'current' ? claimed.id : hash.toString('hex');
      const entry = entries.get(name);
      const age = entry && entry.readAt > changedAt ? performance.now() - entry.readAt : Infinity;
      if (!entry || age >= usableMs)
        return stillValid(await (patient && !entry?.key ? lookUpLater(name) : lookUp(name)));
      // Should it fail, whoever comes when the entry is too old is told.
      if (age >= freshMs) lookUp(name).catch(() => undefined);
      return stillValid(entry.key);
    },
    forget: () => {
      changedAt = performance.now();
    },
  };
}

type Found = KnownKey | undefined;

function stillValid(key: Found): Found {
  return key && performance.now() < key.expiresAt ? key : undefined;
}

/** Asks for one name together with all others that are asked for until the statement before has ended. */
function createLookUp(read: (names: string[]) => Promise<Map<string, KnownKey>>) {
  type Waiting = { resolve: (key: Found) => void; reject: (error: unknown) => void };
  const wanted = new Map<string, Waiting[]>();
  let running = false;
  const readRound = async () => {
    const round = [...wanted].slice(0, mostInOneStatement);
    for (const [name] of round) wanted.delete(name);
    try {
      const found = await read(round.map(([name]) => name));
      for (const [name, waiting] of round) for (const { resolve } of waiting) resolve(found.get(name));
    } catch (error) {
      for (const [, waiting] of round) for (const { reject } of waiting) reject(error);
    }
  };
  const run = async () => {
    running = true;
    while (wanted.size > 0) await readRound();
    running = false;
  };
  return (name: string): Promise<Found> =>
    new Promise((resolve, reject) => {
      const waiting = wanted.get(name) ?? [];
      waiting.push({ resolve, reject });
      wanted.set(name, waiting);
      if (!running) void run();
    });
}

/** By the names that were asked for: an id has hyphens, a hash in hexadecimal has none. */
async function read(db: Knex, names: string[], readAt: number): Promise<Map<string, KnownKey>> {
  const hashes = names.filter((name) => !name.includes('-'));
  const rows = await readValidKeys(db, {
    ids: names.filter((name) => name.includes('-')),
    hashes: hashes.map((name) => Buffer.from(name, 'hex')),
  });
  const ends = (seconds: number | null, none: number) => (seconds === null ? none : readAt + seconds * 1000);
  return new Map(
    rows.flatMap((row) => {
      const key = {
        ...row,
        expiresAt: ends(row.expires_in, Infinity),
        previousUntil: ends(row.previous_for, -Infinity),
      };
      const held = [row.key_hash, row.previous_hash].flatMap((hash) => (hash ? [hash.toString('hex')] : []));
      return [row.id, ...held].map((name) => [name, key] as const);
    }),
  );
}
