import { setTimeout as pause } from 'node:timers/promises';
import { openNaiveStore } from './naive-queue.ts';

/** A handler that claims nothing: it does its work whenever it is told to. */
const { pool, work } = openNaiveStore(process.env.DATABASE_URL as string, process.env.REDIS_URL);
const worker = work(async (id) => {
  await pause(150);
  await pool.query('insert into naive_effects (work_id) values ($1)', [id]);
  await pause(150);
});
worker.on('error', () => undefined);
