import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startStandalone } from '../workers/standalone.ts';
import type { Service } from './client.ts';
import { readManifest, readQuestions } from './corpus.ts';
import { type Ingested, ingest } from './ingest.ts';
import { judgeDocuments } from './judge.ts';
import { heading, paint, paragraph, say, seconds } from './print.ts';
import { createProgress } from './progress.ts';
import { type Asked, askAll } from './questions.ts';

const usage = `Usage: npm run demo [-- --keep] [--port N]

Starts the service in a temporary directory, reads the documents of examples/ in, asks five questions about
them and shows the answers with their sources. Needs no database, no Redis and no language-model key.

  --keep     leave the service running until Ctrl-C
  --port N   listen on port N instead of a free one
  --help     show this text

Exit code 0 when everything was as expected, else 1.`;

interface Options {
  keep: boolean;
  port: string;
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      keep: { type: 'boolean', default: false },
      port: { type: 'string', default: '0' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    say(usage);
    return 0;
  }
  const signal = interruption();
  try {
    return await inTemporaryDirectory((directory) => runDemo(directory, values, signal));
  } catch (error) {
    if (signal.aborted) return 130;
    throw error;
  }
}

/** Aborts on Ctrl-C or SIGTERM; pressing Ctrl-C again a second later ends the process without tidying up. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  let firstAt: number | undefined;
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      // npm passes on the signal that the terminal has already sent, so one key press can arrive twice
      if (firstAt !== undefined && Date.now() - firstAt > 1_000) process.exit(130);
      if (firstAt === undefined) say('\nStopping …');
      firstAt ??= Date.now();
      controller.abort();
    });
  }
  return controller.signal;
}

async function inTemporaryDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'dt-rag-demo-'));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function runDemo(directory: string, { keep, port }: Options, signal: AbortSignal): Promise<number> {
  const startedAt = Date.now();
  const { DATABASE_URL: _database, REDIS_URL: _redis, ...inherited } = process.env;
  const settings = { DATA_DIR: directory, PORT: port, HOST: '127.0.0.1', LOG_LEVEL: 'warn' };
  const standalone = await startStandalone({ ...inherited, ...settings });
  try {
    const service = { url: standalone.url, key: standalone.adminKey, signal };
    say(`The service is up at ${standalone.url} (${seconds(Date.now() - startedAt)}).`);
    const shortfalls = await showAll(service, startedAt);
    if (keep) await stayUp(service);
    return shortfalls.length === 0 ? 0 : 1;
  } finally {
    await standalone.stop();
  }
}

/** Reads in, asks, sums up; the shortfalls of all of it. */
async function showAll(service: Service, startedAt: number): Promise<string[]> {
  const examples = await readManifest();
  heading(`Reading ${examples.length} documents`);
  const progress = createProgress(examples.length);
  const ingested = await ingest(service, examples, progress.update).finally(progress.stop);
  const asked = await askAll(service, await readQuestions('questions.json'));
  const shortfalls = [...judgeDocuments(ingested), ...asked.shortfalls];
  summarise(ingested, asked, startedAt);
  say();
  if (shortfalls.length === 0) paragraph('Everything was as expected.', 2, 'green');
  for (const shortfall of shortfalls) paragraph(`Fell short: ${shortfall}`, 2, 'red');
  return shortfalls;
}

function summarise(ingested: Ingested[], { firstCitedAt }: Asked, startedAt: number): void {
  const ready = ingested.filter(({ document }) => document.status === 'ready');
  const chunks = ready.reduce((sum, { document }) => sum + document.chunk_count, 0);
  heading('Summary');
  say(`  documents ready             ${ready.length} of ${ingested.length}`);
  say(`  chunks                      ${chunks}`);
  say(`  time to first cited answer  ${firstCitedAt === null ? 'none' : seconds(firstCitedAt - startedAt)}`);
  say(`  time in all                 ${seconds(Date.now() - startedAt)}`);
}

async function stayUp({ url, key, signal }: Service): Promise<void> {
  heading('The service stays up until Ctrl-C');
  say(`  queues (Bull Board)  ${url}/admin/queues`);
  say(`  API documentation    ${url}/docs`);
  say(`  metrics              ${url}/metrics`);
  say(`  health               ${url}/health`);
  say(`  admin API key        ${paint('bold', key)}`);
  if (!signal.aborted) await once(signal, 'abort');
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
