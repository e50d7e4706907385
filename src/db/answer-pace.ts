import type { Db } from './connect.ts';

const newest = 50;

/** Mean milliseconds from start to end of the newest completed answers; null when there is none. */
export async function readRunMs(db: Db): Promise<number | null> {
  const { rows } = await db.raw(
    `select avg(extract(epoch from completed_at - started_at) * 1000)::float8 as ms from (
       select started_at, completed_at from answers where status = 'completed' and started_at is not null
        order by completed_at desc limit ?) a`,
    [newest],
  );
  return rows[0].ms;
}
