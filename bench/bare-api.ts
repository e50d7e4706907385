import { randomUUID } from 'node:crypto';
import { Queue } from 'bullmq';
import express from 'express';
import { Redis } from 'ioredis';
import pg from 'pg';

/** What accepting a question costs at the least: Express reads JSON, one insert, one job, one reply. Nothing is checked. */
const { DATABASE_URL, REDIS_URL, PORT = '0' } = process.env;
if (!DATABASE_URL || !REDIS_URL) throw new Error('DATABASE_URL and REDIS_URL must be set.');
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 15 });
await pool.query(
  'create table if not exists bare_questions (id uuid primary key, question text not null, request jsonb not null, created_at timestamptz not null default now())',
);
const connection = new Redis(REDIS_URL, { maxRetriesPerRequest: null });
const queue = new Queue('bare', { connection, prefix: '{bare}' });
const app = express();
app.use(express.json());
app.post('/api/v1/answers', async (request, response) => {
  const { rows } = await pool.query(
    'insert into bare_questions (id, question, request) values ($1, $2, $3) returning *',
    [randomUUID(), request.body.question, JSON.stringify(request.body)],
  );
  await queue.add('answer', { id: rows[0].id });
  response.status(202).json(rows[0]);
});
process.once('SIGTERM', async () => {
  await queue.obliterate({ force: true });
  process.exit(0);
});
app.listen(Number(PORT), '127.0.0.1', () => process.stdout.write('bare API: ready\n'));
