import type { Knex } from 'knex';
import type { Log } from '../log.ts';
import { expireLate } from './answers.ts';
import type { Db } from './connect.ts';
import type { Listen } from './listener.ts';
import { answersChannel, readNotice } from './notify.ts';

export type OnChange = (ended: boolean) => void;

/** Who waits for answers is told when there is something to see: nobody asks the database over and over. */
export interface Notifications {
  /**
   * Calls with every change of the answer until the returned function is called. A call may come though nothing has changed, and
   * what changed before this one is not told: look after it.
   */
  watch(answerId: string, onChange: OnChange): () => void;
  close(): Promise<void>;
}

/** Notifications can be lost with their connection: so often is looked at all that somebody waits for, in one statement. */
const lookMs = 3000;

export function openNotifications(db: Knex, listen: Listen, log: Log): Notifications {
  const watchers = new Map<string, Set<OnChange>>();
  const tell = (id: string, ended: boolean) => {
    for (const onChange of [...(watchers.get(id) ?? [])]) onChange(ended);
  };
  const look = createLook(db, watchers, tell, log);
  const listener = listen(answersChannel, {
    onMessage: (payload) => {
      const { id, ended } = readNotice(payload);
      tell(id, ended);
    },
    onReady: () => void look(),
  });
  const timer = setInterval(() => void look(), lookMs).unref();
  return {
    watch: (id, onChange) => {
      const all = watchers.get(id) ?? new Set();
      watchers.set(id, all.add(onChange));
      return () => {
        all.delete(onChange);
        if (all.size === 0 && watchers.get(id) === all) watchers.delete(id);
      };
    },
    close: async () => {
      clearInterval(timer);
      await listener.close();
    },
  };
}

/** One statement for all that are waited for; tells of those that are not as they were at the last one. */
function createLook(
  db: Knex,
  watchers: ReadonlyMap<string, unknown>,
  tell: (id: string, ended: boolean) => void,
  log: Log,
): () => Promise<void> {
  let seen = new Map<string, string>();
  let busy = false;
  return async () => {
    if (busy || watchers.size === 0) return;
    busy = true;
    try {
      const ids = [...watchers.keys()];
      const states = await readStates(db, ids);
      const before = seen;
      seen = new Map(states.map(({ id, state }) => [id, state]));
      for (const { id, state, ended } of states) if (before.get(id) !== state) tell(id, ended);
      for (const id of ids) if (!seen.has(id)) tell(id, true);
    } catch (error) {
      log.warn({ err: error }, 'could not look at the answers that are waited for');
    } finally {
      busy = false;
    }
  };
}

interface State {
  id: string;
  state: string;
  ended: boolean;
}

async function readStates(db: Db, ids: string[]): Promise<State[]> {
  const { rows } = await db.raw(
    `select id, status || event_seq as state, status not in ('queued', 'in_progress') as ended,
            status in ('queued', 'in_progress') and deadline_at < now() as late
       from answers where id = any(?::uuid[]) and deleted_at is null`,
    [ids],
  );
  if (rows.some(({ late }: { late: boolean }) => late)) await expireLate(db, ids);
  return rows;
}
