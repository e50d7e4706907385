import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import type { FlagKey } from '../../src/flags.ts';

export interface Exposed {
  flags: Partial<Record<FlagKey, boolean>>;
  /** null: it has not ended. */
  status?: 'completed' | 'failed' | 'expired' | 'cancelled' | null;
  /** In the worker; theirs are spread evenly between .55 and 1.8 of it, so that every run has the same. */
  ms?: number;
  abstained?: boolean;
  degraded?: boolean;
  cached?: boolean;
  /** Of its only source; spread by .15 up and down, at most 1. */
  support?: number;
  /** How long ago it was asked, in seconds. */
  askedAgo?: number;
}

/** Many answers at once, as requests and workers leave them in the database, with whatever its triggers make of that. */
export async function exposeAnswers(db: Knex, count: number, exposed: Exposed): Promise<string[]> {
  const { status = 'completed', ms = 300, askedAgo = 0 } = exposed;
  const ids = Array.from({ length: count }, () => randomUUID());
  const flags = Object.fromEntries(
    Object.entries(exposed.flags).map(([key, on]) => [key, { on, reason: 'rollout', percent: 10 }]),
  );
  await db.raw(
    `insert into answers (id, question, request, created_at, deadline_at, expires_at)
     select id, 'Where is it', ?::jsonb, now() - ? * interval '1 second', now() + interval '1 hour', now() + interval '1 day'
       from unnest(?::uuid[]) as a(id)`,
    [JSON.stringify({ mode: 'answer', flags }), askedAgo, ids],
  );
  if (status === null) return ids;
  await db.raw(
    `update answers a set status = ?, completed_at = now(),
            started_at = now() - ? * exp((o.place - 0.5) * 1.2) * interval '1 millisecond',
            result = jsonb_set(?::jsonb, '{sources}', jsonb_build_array(jsonb_build_object('verified', true,
              'support', least(1, ? + (o.place - 0.5) * 0.3))))
       from (select id, (n * 0.6180339887) % 1 as place from unnest(?::uuid[]) with ordinality as u(id, n)) o
      where a.id = o.id`,
    [
      status,
      ms,
      status === 'completed' ? JSON.stringify(baseOf(exposed)) : null,
      exposed.support ?? 0.8,
      ids,
    ],
  );
  return ids;
}

const baseOf = ({ abstained = false, degraded = false, cached = false }: Exposed) => ({
  ...{ abstained, degraded: degraded ? 'the model did not answer' : null, confidence: 0.7, sources: [] },
  usage: { answer_cache: cached ? 'hit' : 'miss' },
});
