import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from '../support/http.ts';
import { waitFor } from '../support/wait-for.ts';
import { adminKey } from './product.ts';
import { say } from './say.ts';
import type { Stage } from './stage.ts';

const unfinished = `
  select 'version ' || document_id || ' ' || version as id, status, attempts, lease_until - now() as lease from document_versions
   where status in ('queued', 'parsing', 'embedding')
  union all select 'answer ' || id, status, attempts, lease_until - now() from answers where status in ('queued', 'in_progress')
  union all select 'operation ' || id, status, attempts, lease_until - now() from operations where status in ('queued', 'in_progress')`;

interface Unfinished {
  id: string;
  status: string;
  attempts: number;
  lease: unknown;
}

/** The work that has not ended, by its name; asks again while the database is away. */
export async function unfinishedWork(query: Stage['query']): Promise<Map<string, Unfinished>> {
  const rows = await waitFor(
    'the database answers',
    async () => {
      try {
        return await query<Unfinished>(unfinished);
      } catch {
        return undefined;
      }
    },
    { withinMs: 120_000 },
  );
  return new Map(rows.map((row) => [row.id, row]));
}

export interface Recovery {
  /** Seconds from now until the first of what is unfinished now has ended; 0 when nothing is. */
  first: number;
  /** Seconds until all of it has. */
  all: number;
}

/** Waits for the work that is unfinished now, `limitMs` at most: what has not ended then is the audit's to find. */
export async function recover(query: Stage['query'], limitMs: number): Promise<Recovery> {
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const waiting = await unfinishedWork(query);
  let first = waiting.size === 0 ? 0 : undefined;
  let left = [...waiting.values()];
  while (left.length > 0 && seconds() * 1000 < limitMs) {
    await pause(100);
    const now = await unfinishedWork(query);
    left = [...now.values()].filter(({ id }) => waiting.has(id));
    if (left.length < waiting.size) first ??= seconds();
  }
  for (const row of left.slice(0, 5))
    say(`unfinished after ${Math.round(seconds())} s: ${JSON.stringify(row)}`);
  return { first: first ?? seconds(), all: seconds() };
}

/** Jobs that wait, run or are delayed, of all queues; undefined while their store does not answer. */
export async function queuedJobs(url: string): Promise<number | undefined> {
  try {
    const { body } = await createClient(url, adminKey).get('/health');
    const depths = Object.values(body.queues as Record<string, Record<string, number>>);
    if (depths.length === 0) return undefined;
    return depths.reduce(
      (sum, { waiting = 0, active = 0, delayed = 0 }) => sum + waiting + active + delayed,
      0,
    );
  } catch {
    return undefined;
  }
}
