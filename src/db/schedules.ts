import type { Db } from './connect.ts';

/**
 * The jobs whose time has come, each given to one caller only: taking one sets its next time. Intervals in milliseconds; a
 * run that was missed is made up once.
 */
export async function takeDue(
  db: Db,
  schedule: readonly { job: string; everyMs: number }[],
): Promise<string[]> {
  const { rows } = await db.raw(
    `with wanted as (select * from unnest(?::text[], ?::bigint[]) as w(job, every_ms)),
          known as (insert into schedules (job) select job from wanted on conflict do nothing)
     update schedules s set next_at = now() + w.every_ms * interval '1 millisecond'
       from wanted w where s.job = w.job and s.next_at <= now() returning s.job`,
    [schedule.map(({ job }) => job), schedule.map(({ everyMs }) => everyMs)],
  );
  return rows.map((row: { job: string }) => row.job);
}
