import type { Db } from './connect.ts';

export interface KeyUse {
  id: string;
  /** Milliseconds since the last request; negative: none came, only replies ended. */
  agoMs: number;
  requests: number;
  limited: number;
  /** Replies by status class, 2xx to 5xx. */
  ended: [number, number, number, number];
}

/** Adds to what the hour counts, and says when each key was last used. */
export async function addKeyUse(db: Db, uses: readonly KeyUse[]): Promise<void> {
  const ended = ([0, 1, 2, 3] as const).map((at) => uses.map((use) => use.ended[at]));
  await db.raw(
    `with given as (
       select * from unnest(?::uuid[], ?::float8[], ?::int[], ?::int[], ?::int[], ?::int[], ?::int[], ?::int[])
         as g(id, ago, requests, limited, s2, s3, s4, s5)),
     seen as (
       update api_keys k set last_used_at = greatest(k.last_used_at, now() - g.ago * interval '1 millisecond')
         from given g where k.id = g.id and g.ago >= 0)
     insert into api_key_usage as u (api_key_id, hour, requests, limited, status_2xx, status_3xx, status_4xx, status_5xx)
     select g.id, date_trunc('hour', now()), requests, limited, s2, s3, s4, s5 from given g join api_keys k on k.id = g.id
     on conflict (api_key_id, hour) do update set
       requests = u.requests + excluded.requests, limited = u.limited + excluded.limited,
       status_2xx = u.status_2xx + excluded.status_2xx, status_3xx = u.status_3xx + excluded.status_3xx,
       status_4xx = u.status_4xx + excluded.status_4xx, status_5xx = u.status_5xx + excluded.status_5xx`,
    [
      uses.map(({ id }) => id),
      uses.map(({ agoMs }) => agoMs),
      uses.map(({ requests }) => requests),
      uses.map(({ limited }) => limited),
      ...ended,
    ],
  );
}

export interface UsedHour {
  hour: Date;
  requests: number;
  limited: number;
  by_status: { '2xx': number; '3xx': number; '4xx': number; '5xx': number };
}

/** Newest first, a week at most. */
export async function keyUsage(db: Db, id: string): Promise<UsedHour[]> {
  const rows = await db('api_key_usage')
    .where({ api_key_id: id })
    .orderBy('hour', 'desc')
    .limit(24 * 7)
    .select('hour', 'requests', 'limited', 'status_2xx', 'status_3xx', 'status_4xx', 'status_5xx');
  return rows.map(({ hour, requests, limited, ...by }) => ({
    ...{ hour, requests, limited },
    by_status: { '2xx': by.status_2xx, '3xx': by.status_3xx, '4xx': by.status_4xx, '5xx': by.status_5xx },
  }));
}
