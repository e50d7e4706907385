import type { Db } from './connect.ts';

export interface PermitsWanted {
  id: string;
  /** Requests an hour. */
  rateLimit: number;
  /** What the bucket holds, and by what it fills each second. */
  burst: number;
  ofHour: number;
  ofBurst: number;
}

export interface PermitsGranted {
  hour: Date;
  /** Never more than was wanted, nor than all processes together may have. */
  ofHour: number;
  ofBurst: number;
  /** What nobody has taken yet. */
  hourLeft: number;
  burstLeft: number;
  /** Until the hour ends and all of it can be taken anew. */
  secondsLeft: number;
}

/**
 * Takes from the two counters that all processes share, in one statement: a fixed window of an hour by the database's clock,
 * and a token bucket that holds `burst` and fills by `burst` a second. The row's lock orders those who ask at once.
 */
export async function takePermits(db: Db, wanted: PermitsWanted): Promise<PermitsGranted> {
  const { rows } = await db.raw(
    `with w as (select ?::uuid as id, ?::int as rate_limit, ?::int as burst, ?::int as of_hour, ?::int as of_burst)
     insert into api_key_permits as p (api_key_id, hour, taken, tokens, tokens_at, hour_granted, burst_granted)
     select id, date_trunc('hour', now()), least(of_hour, rate_limit), burst - least(of_burst, burst), now(),
            least(of_hour, rate_limit), least(of_burst, burst) from w
     on conflict (api_key_id) do update set (hour, taken, hour_granted, tokens, tokens_at, burst_granted) = (
       select n.hour, n.taken + g.of_hour, g.of_hour, n.tokens - g.of_burst, greatest(p.tokens_at, now()), g.of_burst
         from w
        cross join lateral (
          select greatest(p.hour, excluded.hour) as hour, case when excluded.hour > p.hour then 0 else p.taken end as taken,
                 least(w.burst, p.tokens + w.burst * greatest(0, extract(epoch from now() - p.tokens_at)::float8)) as tokens) n
        cross join lateral (
          select greatest(0, least(w.of_hour, w.rate_limit - n.taken)) as of_hour,
                 greatest(0, least(w.of_burst, floor(n.tokens)))::int as of_burst) g)
     returning hour, hour_granted as "ofHour", burst_granted as "ofBurst", tokens as "burstLeft",
       greatest(0, (select rate_limit from w) - taken) as "hourLeft",
       extract(epoch from hour + interval '1 hour' - now())::float8 as "secondsLeft"`,
    [wanted.id, wanted.rateLimit, wanted.burst, wanted.ofHour, wanted.ofBurst],
  );
  return rows[0];
}

/** Gives back what was taken of this hour and not used. */
export async function returnPermits(db: Db, id: string, hour: Date, count: number): Promise<void> {
  await db('api_key_permits')
    .where({ api_key_id: id, hour })
    .update({ taken: db.raw('greatest(0, taken - ?::int)', [count]) });
}
