import type { Knex } from 'knex';
import { bounded, within } from '../bounded.ts';
import { type FlagOverride, flagsChannel, readOverrides } from '../db/flags.ts';
import type { Listen } from '../db/listener.ts';
import type { FlagKey } from '../flags.ts';
import type { Log } from '../log.ts';

/** What this process knows of the stored flags. A notification makes it prompt, the poll makes it sure. */
export interface KnownOverrides {
  /** A read that begins now or later; fails when the database does. */
  refresh(): Promise<void>;
  /** Undefined when what is known is young enough to be believed, else a read, or the end of the patience with it. */
  renewed(): Promise<unknown> | undefined;
  /** Milliseconds since the last successful read began. */
  ageMs(): number;
  close(): Promise<void>;
}

const pollMs = 500;
/** So a request that comes a second after a change follows it, also while neither notification nor poll gets through. */
const believedMs = 800;
/** How long a request waits for a database that does not answer before what was last known stands. */
const patienceMs = 1000;
const readMs = 2000;

type Overrides = ReadonlyMap<FlagKey, FlagOverride>;

/** Opens with a first read: a process that has never known the kill switches must not answer anybody. */
export async function openKnownOverrides(
  { db, listen, log }: { db: Knex; listen: Listen; log: Log },
  onChange: (overrides: Overrides) => void,
): Promise<KnownOverrides> {
  let readAt = Number.NEGATIVE_INFINITY;
  const look = async () => {
    const begunAt = performance.now();
    const overrides = await within(readMs, readOverrides(db));
    // Of two reads the one that began later counts, whichever ends first.
    if (begunAt <= readAt) return;
    readAt = begunAt;
    onChange(overrides);
  };
  const reader = createReader(look);
  const quietly = tellingOfFailures(reader.now, log);
  await reader.now();
  const listener = listen(flagsChannel, {
    onMessage: () => void quietly(),
    onReady: () => void quietly(),
  });
  const timer = setInterval(() => {
    if (!reader.busy()) void quietly();
  }, pollMs).unref();
  const ageMs = () => performance.now() - readAt;
  const renew = async () => {
    await reader.soon();
    // The one that was under way may have begun long ago.
    if (ageMs() > believedMs) await reader.now();
  };
  return {
    refresh: reader.now,
    renewed: () => (ageMs() <= believedMs ? undefined : bounded(renew(), patienceMs)),
    ageMs,
    close: async () => {
      clearInterval(timer);
      await listener.close();
    },
  };
}

/** The same, without failing; the first failure and the first success after it are logged. */
function tellingOfFailures(read: () => Promise<void>, log: Log): () => Promise<void> {
  let failing = false;
  const succeeded = () => {
    if (failing) log.info('the flags can be read again');
    failing = false;
  };
  const failed = (error: unknown) => {
    if (!failing) log.warn({ err: error }, 'the flags could not be read: what was last known stands');
    failing = true;
  };
  return () => read().then(succeeded, failed);
}

/** One read at a time; whoever asks while one is under way and needs what is newer gets the next one, with all the others. */
function createReader(look: () => Promise<void>) {
  let current: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const now = (): Promise<void> => {
    if (!current) {
      current = look().finally(() => {
        current = undefined;
      });
      return current;
    }
    next ??= current
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return now();
      });
    return next;
  };
  return { now, soon: () => current ?? now(), busy: () => current !== undefined };
}
