import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startGeminiStandIn } from '../test/support/gemini-stand-in.ts';
import { type Client, createClient, type Json } from '../test/support/http.ts';
import { waitFor } from '../test/support/wait-for.ts';
import { cpuSeconds, percentile } from './load.ts';
import { openBench } from './setup.ts';

const usage = `DATABASE_URL=… [REDIS_URL=…] npm run bench answer [-- --json FILE] [--answers 500] [--waits 200] [--seconds 20]

Questions from POST to their answer, four at a time, each waited for by Prefer: wait, with a model that takes no time: what the
pipeline itself takes. Then the processor time of the API while so many wait for answers that nobody writes, and how soon a
cancelled answer lets go of its model. Works in a database of its own on that server and drops it afterwards.`;

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string' },
    answers: { type: 'string', default: '500' },
    waits: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '20' },
    help: { type: 'boolean', default: false },
  },
});
const adminKey = 'the-admin-key-of-a-bench';
const port = '8773';
const concurrency = 4;
const answersPath = '/api/v1/answers';

if (values.help || !process.env.DATABASE_URL) {
  console.log(usage);
  process.exitCode = values.help ? 0 : 2;
} else await main(process.env.DATABASE_URL);

async function main(serverUrl: string): Promise<void> {
  const bench = await openBench(serverUrl);
  const standIn = await startGeminiStandIn();
  standIn.script(() => ({ text: 'The lighthouse keeper counts the ships that pass every night [1].' }));
  const silent = await startSilentModel();
  const env = {
    ...bench.env,
    ...{ ADMIN_API_KEY: adminKey, SECRET_KEY: 'the-secret-key-of-a-bench-is-long-enough', PORT: port },
    ...{ ENVIRONMENT: 'testing', HOST: '127.0.0.1', LOG_LEVEL: 'error', GEMINI_API_KEY: 'a-key' },
    ...{ COMPOSE_BUDGET_MS: '60000', QUEUES: 'answer', WORKER_CONCURRENCY: String(concurrency) },
  };
  const start = (entry: string, model: string) =>
    spawn(process.execPath, ['--import', 'tsx', entry], {
      ...{ cwd: fileURLToPath(new URL('..', import.meta.url)), env: { ...env, GEMINI_BASE_URL: model } },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  const api = start('src/main.ts', standIn.url);
  const children = [api];
  const client = createClient(`http://127.0.0.1:${port}`, adminKey);
  try {
    await waitFor('the API listens', () =>
      client.get('/health/ready').then(
        ({ status }) => status === 200,
        () => false,
      ),
    );
    const worker = start('workers/main.ts', standIn.url);
    children.push(worker);
    const pipeline = await measurePipeline(client, { api, worker }, Number(values.answers));
    await stop(worker);
    const idle = await measureWaits(client, api, Number(values.waits), Number(values.seconds));
    children.push(start('workers/main.ts', silent.url));
    const cancel = await measureCancel(client, silent);
    const result = {
      bench: 'answer',
      tier: process.env.REDIS_URL ? 'scale-out' : 'postgres',
      pipeline,
      idle,
      cancel,
    };
    console.log(JSON.stringify(result, null, 2));
    if (values.json) await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`);
  } finally {
    await Promise.all(children.map(stop));
    await standIn.close();
    await silent.close();
    await bench.close();
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

/** Milliseconds of each part: seen by the caller, in the worker, and the latter without retrieval. */
async function measurePipeline(
  client: Client,
  { api, worker }: { api: ChildProcess; worker: ChildProcess },
  count: number,
) {
  const ask = async (n: number): Promise<{ seen: number; body: Json }> => {
    const started = performance.now();
    const { status, body } = await client.post(
      answersPath,
      { question: `Who counts the ships of night ${n}?` },
      { Prefer: 'wait=60' },
    );
    if (status !== 200 || body.status !== 'completed')
      throw new Error(`not answered: ${JSON.stringify(body)}`);
    return { seen: performance.now() - started, body };
  };
  // The first ones load the embedding model and fill no figure.
  for (let n = 0; n < 20; n++) await ask(-n);
  const before = { api: cpuSeconds(api), worker: cpuSeconds(worker) };
  const all: Awaited<ReturnType<typeof ask>>[] = [];
  let next = 0;
  const caller = async () => {
    while (next < count) {
      next += 1;
      all.push(await ask(next));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  const cpu = (child: ChildProcess, since: number) =>
    Math.round(((cpuSeconds(child) - since) / count) * 10_000) / 10;
  const cpuMs = { api: cpu(api, before.api), worker: cpu(worker, before.worker) };
  const stepMs = (body: Json, name: string) => body.steps.find((step: Json) => step.name === name)?.ms ?? 0;
  const pick = (value: (one: (typeof all)[number]) => number) => {
    const list = all.map(value);
    return { p50: percentile(list, 0.5), p95: percentile(list, 0.95), p99: percentile(list, 0.99) };
  };
  return {
    answers: all.length,
    models: [...new Set(all.map(({ body }) => body.model))],
    seen_by_caller_ms: pick(({ seen }) => seen),
    pipeline_ms: pick(({ body }) => body.total_time * 1000 - body.queued_ms),
    pipeline_without_retrieval_ms: pick(
      ({ body }) => body.total_time * 1000 - body.queued_ms - stepMs(body, 'retrieve'),
    ),
    cpu_ms_per_answer: cpuMs,
    queued_ms: pick(({ body }) => body.queued_ms),
    retrieve_ms: pick(({ body }) => stepMs(body, 'retrieve')),
    compose_ms: pick(({ body }) => stepMs(body, 'compose')),
    created_to_completed_ms: pick(({ body }) => Date.parse(body.completed_at) - Date.parse(body.created_at)),
  };
}

async function measureWaits(client: Client, api: ChildProcess, waits: number, seconds: number) {
  const waiting = Array.from({ length: waits }, (_, n) =>
    client.post(answersPath, { question: `Who waits for ${n}?` }, { Prefer: 'wait=60' }),
  );
  await waitFor('all are accepted', async () => {
    const { body } = await client.get('/health');
    return body.queues.answer.waiting >= waits;
  });
  await pause(2000);
  const [before, started] = [cpuSeconds(api), performance.now()];
  await pause(seconds * 1000);
  const busy = (cpuSeconds(api) - before) / ((performance.now() - started) / 1000);
  const page = await client.get(`${answersPath}?status=queued&limit=200`);
  await Promise.all(page.body.items.map(({ links }: Json) => client.post(links.cancel)));
  const replies = await Promise.all(waiting);
  const ended = replies.filter(({ body }) => body.status === 'cancelled').length;
  return { waits, seconds, api_idle_percent: Math.round((1 - busy) * 1000) / 10, woken_by_cancel: ended };
}

/** A model that takes every question and never answers; `closed` says when its caller went. */
async function startSilentModel() {
  const taken: { closedAt: number | null }[] = [];
  const server = createServer((_request, response) => {
    const call: { closedAt: number | null } = { closedAt: null };
    taken.push(call);
    response.on('close', () => {
      call.closedAt = performance.now();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    taken,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Milliseconds from the request to cancel until the model's connection is closed. */
async function measureCancel(client: Client, silent: Awaited<ReturnType<typeof startSilentModel>>) {
  const times: number[] = [];
  for (let n = 0; n < 20; n++) {
    const { body } = await client.post(answersPath, { question: `Who counts the ships of day ${n}?` });
    const call = await waitFor('the model has the question', () => silent.taken[n], { everyMs: 5 });
    const sent = performance.now();
    await client.post(body.links.cancel);
    times.push((await waitFor('the model is let go', () => call.closedAt, { everyMs: 5 })) - sent);
  }
  return { cancels: times.length, p50_ms: percentile(times, 0.5), most_ms: percentile(times, 1) };
}
