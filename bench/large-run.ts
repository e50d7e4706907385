import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openAsBlob } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Client, createClient, type Json } from '../test/support/http.ts';
import { waitFor } from '../test/support/wait-for.ts';
import { percentile } from './load.ts';
import { type LoopDelay, type Memory, mostAbove, readLoopDelay, watchMemory } from './process-readings.ts';

export interface LargeRun {
  env: Record<string, string | undefined>;
  adminKey: string;
  /** After so long a document is left as it is. */
  seconds: number;
  windowSeconds: number;
}

const root = fileURLToPath(new URL('..', import.meta.url));
const idleMs = 3000;

/** One file through an API and a worker that have done nothing before; both are stopped afterwards. */
export async function measureFile(path: string, { env, adminKey, seconds, windowSeconds }: LargeRun) {
  const start = (entry: string) =>
    spawn(process.execPath, ['--import', 'tsx', entry], {
      ...{ cwd: root, env },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  const still = fork(fileURLToPath(new URL('idle-loop.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx'],
  });
  const [api, worker] = [start('src/main.ts'), start('workers/main.ts')];
  const client = createClient(`http://127.0.0.1:${env.PORT}`, adminKey);
  try {
    await waitFor('the API answers and a worker is there', () => isThere(client));
    const watch = () => watchMemory(api.pid as number, worker.pid as number);
    const before = watch();
    await pause(idleMs);
    const idle = mean(before.stop());
    const during = watch();
    const delays = await watchLoop(client, still, windowSeconds * 1000);
    during.stage('upload');
    const outcome = await follow(client, path, seconds, during.stage);
    const loop = await delays.stop();
    return { ...outcome, memory: { idle, above: mostAbove(during.stop(), idle) }, loop };
  } finally {
    still.disconnect();
    await Promise.all([api, worker].map(stop));
  }
}

async function isThere(client: Client): Promise<boolean> {
  const metrics = await client.get('/metrics').catch(() => undefined);
  return /^rag_workers\{queue="ingestion"\} 1$/m.test(metrics?.text ?? '');
}

/** Whatever a process starts is none of what it holds when idle. */
function mean(readings: readonly Memory[]): Memory {
  const of = (key: 'api' | 'worker') =>
    Math.round(readings.reduce((sum, reading) => sum + reading[key], 0) / readings.length);
  const [api, worker] = [of('api'), of('worker')];
  return { api, worker, children: 0, together: api + worker };
}

/** Asks for the delay of both event loops once a window, beside whatever else goes on. */
async function watchLoop(client: Client, still: ChildProcess, windowMs: number) {
  const windows: { api: LoopDelay; still: LoopDelay }[] = [];
  const read = async () => {
    const [metrics, delay] = await Promise.all([client.get('/metrics'), ask(still)]);
    return { api: readLoopDelay(metrics.text), still: delay };
  };
  await read();
  const ended = new AbortController();
  const reading = (async () => {
    while (!ended.signal.aborted) {
      await pause(windowMs, undefined, { signal: ended.signal }).catch(() => undefined);
      windows.push(await read());
    }
  })();
  return {
    stop: async () => {
      ended.abort();
      await reading;
      return {
        api: described(windows.map(({ api }) => api)),
        'a process that does nothing': described(windows.map(({ still: delay }) => delay)),
      };
    },
  };
}

async function ask(still: ChildProcess): Promise<LoopDelay> {
  const answered = once(still, 'message');
  still.send('delay');
  const [delay] = await answered;
  return delay as LoopDelay;
}

function described(windows: readonly LoopDelay[]) {
  const p99 = windows.map((window) => window.p99);
  return {
    windows: windows.length,
    p99_median: percentile(p99, 0.5),
    p99_most: Math.max(...p99),
    windows_with_p99_over_50: p99.filter((ms) => ms > 50).length,
    longest: Math.max(...windows.map(({ most }) => most)),
  };
}

/** Uploads the file and looks at the document until it has ended, or the time is over. */
async function follow(client: Client, path: string, limitSeconds: number, enter: (stage: string) => void) {
  const started = performance.now();
  const seconds = () => Math.round((performance.now() - started) / 100) / 10;
  const form = new FormData();
  const blob = await openAsBlob(path);
  form.set('file', blob, basename(path));
  const sent = await client.call('POST', '/api/v1/documents', { form });
  if (sent.status !== 202) throw new Error(`The upload was answered with ${sent.status}: ${sent.text}`);
  const times: Record<string, number> = { uploaded: seconds() };
  for (;;) {
    const { body }: Json = await client.get(sent.body.links.self);
    times[body.status] ??= seconds();
    enter(body.status);
    if (body.status === 'failed') throw new Error(`The document failed: ${JSON.stringify(body.error)}`);
    if (body.is_terminal || seconds() > limitSeconds) {
      const megabytes = Math.round(blob.size / 1e5) / 10;
      return {
        megabytes,
        status: body.status,
        progress: body.progress,
        chunks: body.chunk_count,
        seconds: times,
      };
    }
    await pause(500);
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  // What it is at may take longer than anybody wants to wait for: the database goes afterwards in any case.
  const killed = setTimeout(() => child.kill('SIGKILL'), 5000);
  await once(child, 'exit');
  clearTimeout(killed);
}
