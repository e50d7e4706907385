import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startGeminiStandIn } from '../test/support/gemini-stand-in.ts';
import { type Bench, openBench } from './setup.ts';

const usage = `DATABASE_URL=… [REDIS_URL=…] npm run bench scale [-- --json FILE] [--per-worker 40] [--backlog 100000]

Throughput of 1, 2 and 4 worker processes on a language model that takes one second, as a ratio to linear; and the cost of a
job at a long backlog, as a ratio to a short one. Works in a database of its own on that server and drops it afterwards.`;

const concurrency = 4;
const root = fileURLToPath(new URL('..', import.meta.url));

async function main(): Promise<void> {
  const { values } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'string' },
      'per-worker': { type: 'string', default: '40' },
      backlog: { type: 'string', default: '100000' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || !process.env.DATABASE_URL) {
    console.log(usage);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const bench = await openBench(process.env.DATABASE_URL);
  try {
    const processes = await measureProcesses(bench, Number(values['per-worker']));
    const backlog = await measureBacklog(bench, Number(values.backlog));
    const result = {
      bench: 'scale',
      tier: process.env.REDIS_URL ? 'scale-out' : 'postgres',
      processes,
      backlog,
    };
    console.table(processes);
    console.table(backlog);
    if (values.json) await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`);
  } finally {
    await bench.close();
  }
}

/** Answers per second of N processes whose model takes one second; the ideal is N × concurrency. */
async function measureProcesses(bench: Bench, perWorker: number) {
  const standIn = await startGeminiStandIn();
  standIn.script(() => ({ delayMs: 1000 }));
  const env = {
    GEMINI_API_KEY: 'bench',
    GEMINI_BASE_URL: standIn.url,
    COMPOSE_BUDGET_MS: '10000',
    WORKER_CONCURRENCY: String(concurrency),
  };
  const rows: { workers: number; answers: number; seconds: number; per_second: number; of_linear: number }[] =
    [];
  for (const workers of [1, 2, 4]) {
    const children = await startWorkers({ ...bench.env, ...env }, workers, bench);
    const answers = perWorker * workers;
    const seconds = await timeAnswers(bench, answers, answers);
    await stop(children);
    const perSecond = answers / seconds;
    rows.push({
      workers,
      answers,
      seconds: round(seconds),
      per_second: round(perSecond),
      of_linear: round(perSecond / (workers * (rows[0]?.per_second ?? perSecond))),
    });
  }
  await standIn.close();
  return rows;
}

/** Milliseconds a job, over the first 400 done by one process, with a short and with a long queue behind them. */
async function measureBacklog(bench: Bench, long: number) {
  const rows: { backlog: number; ms_per_job: number; of_short: number }[] = [];
  for (const backlog of [100, long]) {
    const children = await startWorkers(
      { ...bench.env, WORKER_CONCURRENCY: String(concurrency) },
      1,
      bench,
      () => addQuestions(bench, backlog + 500),
    );
    const seconds = await timeDone(bench, 400);
    await stop(children);
    await clear(bench);
    const ms = (seconds / 400) * 1000;
    rows.push({ backlog, ms_per_job: round(ms), of_short: round(ms / (rows[0]?.ms_per_job ?? ms)) });
  }
  return rows;
}

async function timeAnswers(bench: Bench, count: number, done: number): Promise<number> {
  await addQuestions(bench, count);
  const seconds = await timeDone(bench, done);
  await clear(bench);
  return seconds;
}

/** Seconds from the first start to the end of the `count`-th answer, by the database's clock. */
async function timeDone({ database: { db } }: Bench, count: number): Promise<number> {
  for (;;) {
    const { rows } = await db.raw(`select count(*)::int as done from answers where status = 'completed'`);
    if (rows[0].done >= count) break;
    await sleep(100);
  }
  const { rows } = await db.raw(
    `select extract(epoch from (select completed_at from answers where status = 'completed' order by completed_at offset ? limit 1)
                             - (select min(started_at) from answers))::float8 as seconds`,
    [count - 1],
  );
  return rows[0].seconds;
}

async function addQuestions({ database: { db }, queues }: Bench, count: number): Promise<void> {
  const request = JSON.stringify({ mode: 'answer', final_topk: 5, strategy: 'keyword', flags: {} });
  for (let left = count; left > 0; left -= 5000) {
    const { rows } = await db.raw(
      `insert into answers (question, request, deadline_at, expires_at)
       select ?, ?::jsonb, now() + interval '1 hour', now() + interval '1 day' from generate_series(1, ?) returning id`,
      ['Who counts the ships?', request, Math.min(5000, left)],
    );
    const payloads = rows.map((row: { id: string }) => ({ answerId: row.id }));
    for (let i = 0; i < payloads.length; i += 1000)
      await queues.enqueue('answerQuestion', payloads.slice(i, i + 1000));
  }
}

async function clear({ database: { db }, queues }: Bench): Promise<void> {
  for (const queue of queues.list) await queue.obliterate({ force: true });
  await db.raw('truncate answers cascade');
}

async function startWorkers(
  env: Bench['env'],
  count: number,
  bench: Bench,
  before?: () => Promise<void>,
): Promise<ChildProcess[]> {
  await before?.();
  const children = Array.from({ length: count }, () =>
    spawn(process.execPath, ['--import', 'tsx', 'workers/main.ts'], {
      cwd: root,
      env: { ...env, QUEUES: 'answer', LOG_LEVEL: 'error' },
      stdio: ['ignore', 'inherit', 'inherit'],
    }),
  );
  if (before) return children;
  for (;;) {
    const { rows } = await bench.database.db.raw('select count(*)::int as live from worker_heartbeats');
    if (rows[0].live === count) return children;
    await sleep(100);
  }
}

async function stop(children: ChildProcess[]): Promise<void> {
  for (const child of children) child.kill('SIGTERM');
  await Promise.all(children.map((child) => once(child, 'exit')));
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

await main();
