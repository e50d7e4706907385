import { randomUUID } from 'node:crypto';
import { Queue } from 'bullmq';
import express from 'express';
import { Redis } from 'ioredis';
import pg from 'pg';

/**
 * What accepting a question costs at the least: Express reads JSON, inserts the same row into a table with the same indexes, adds
 * a job with the same options, replies with the row. Nothing is checked, logged or measured.
 */
const { DATABASE_URL, REDIS_URL, PORT = '0' } = process.env;
if (!DATABASE_URL || !REDIS_URL) throw new Error('DATABASE_URL and REDIS_URL must be set.');
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 15 });
await pool.query('create table if not exists bare_answers (like answers including all)');
const connection = new Redis(REDIS_URL, { maxRetriesPerRequest: null });
const queue = new Queue('bare', { connection, prefix: '{bare}' });
const jobOptions = {
  ...{ priority: 5, attempts: 3, backoff: { type: 'exponential', delay: 1000, jitter: 0.5 } },
  ...{ removeOnComplete: { age: 3600, count: 1000 }, removeOnFail: { age: 14 * 24 * 3600, count: 10_000 } },
};
const app = express();
app.use(express.json());
app.post('/api/v1/answers', async (request, response) => {
  const { rows } = await pool.query(
    `insert into bare_answers (id, question, request, deadline_at, expires_at)
     values ($1, $2, $3, now() + interval '1 minute', now() + interval '1 hour') returning *`,
    [randomUUID(), request.body.question, JSON.stringify(request.body)],
  );
  const { id } = rows[0];
  await queue.add('answer', { id }, { ...jobOptions, deduplication: { id } });
  response.status(202).json(rows[0]);
});
process.once('SIGTERM', async () => {
  await queue.obliterate({ force: true });
  process.exit(0);
});
app.listen(Number(PORT), '127.0.0.1', () => process.stdout.write('bare API: ready\n'));
