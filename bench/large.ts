import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeLargePdf, writeLargeText } from './large-files.ts';
import { measureFile } from './large-run.ts';
import { openBench } from './setup.ts';
import { startStubModel } from './stub-model.ts';

const usage = `DATABASE_URL=… [REDIS_URL=…] npm run bench large [-- --files text,pdf] [--megabytes 100] [--pages 1600]
    [--minutes 10] [--window 5] [--folder DIR] [--json FILE]

A text of so many megabytes and a PDF of so many pages, made for it, sent over HTTP: resident memory above idle of the API, the
worker and what that starts, ten times a second, and the event loop of the API by its own metrics, read every --window seconds,
beside that of a process that does nothing. Until the document is ready, or --minutes a file have passed: it then says how far
it came. Embeddings are made up. Works in databases of its own on that server and drops them afterwards; --folder keeps the
files and finds them again.`;

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    files: { type: 'string', default: 'text,pdf' },
    megabytes: { type: 'string', default: '100' },
    pages: { type: 'string', default: '1600' },
    minutes: { type: 'string', default: '10' },
    window: { type: 'string', default: '5' },
    folder: { type: 'string' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const makers: Record<string, { name: string; make(path: string): Promise<void> }> = {
  text: {
    name: `large-${values.megabytes}.txt`,
    make: (path) => writeLargeText(path, Number(values.megabytes) * 1e6),
  },
  pdf: { name: `large-${values.pages}.pdf`, make: (path) => writeLargePdf(path, Number(values.pages)) },
};
const adminKey = 'the-admin-key-of-a-bench';
const dimensions = 384;

if (values.help || !process.env.DATABASE_URL) {
  console.log(usage);
  process.exitCode = values.help ? 0 : 2;
} else await main(process.env.DATABASE_URL);

async function main(serverUrl: string): Promise<void> {
  const folder = values.folder ?? (await mkdtemp(join(tmpdir(), 'dt-rag-bench-')));
  try {
    const files = [];
    for (const name of values.files.split(','))
      files.push(await measure(serverUrl, await makeFile(folder, name)));
    const result = { bench: 'large', tier: process.env.REDIS_URL ? 'scale-out' : 'postgres', files };
    console.log(JSON.stringify(result));
    if (values.json) await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`);
  } finally {
    if (values.folder === undefined) await rm(folder, { recursive: true, force: true });
  }
}

/** In a database of its own: what is left to do of one file is not done beside the next. */
async function measure(serverUrl: string, file: string) {
  const bench = await openBench(serverUrl);
  const model = await startStubModel(dimensions);
  const env = {
    ...bench.env,
    ...{ ADMIN_API_KEY: adminKey, SECRET_KEY: 'the-secret-key-of-a-bench-is-long-enough', PORT: '8774' },
    ...{ ENVIRONMENT: 'testing', HOST: '127.0.0.1', LOG_LEVEL: 'error', MAX_UPLOAD_MB: '1000' },
    ...{ EMBEDDING_PROVIDER: 'gemini', EMBEDDING_DIMENSIONS: String(dimensions) },
    ...{ GEMINI_API_KEY: 'a-key', GEMINI_BASE_URL: model.url },
  };
  const limits = { seconds: Number(values.minutes) * 60, windowSeconds: Number(values.window) };
  try {
    const { memory, loop, ...row } = await measureFile(file, { env, adminKey, ...limits });
    console.log(`${file}:`, row);
    console.log('megabytes when idle, and the most above that:');
    console.table({ idle: memory.idle, ...memory.above });
    console.log('event loop, milliseconds, over windows:');
    console.table(loop);
    return { ...row, memory, loop };
  } finally {
    model.close();
    await bench.close();
  }
}

async function makeFile(folder: string, name: string): Promise<string> {
  const maker = makers[name];
  if (!maker) throw new Error(`--files is a list of ${Object.keys(makers).join(', ')}, not ${name}.`);
  const path = join(folder, maker.name);
  const found = await stat(path).catch(() => undefined);
  if (!found?.size) await maker.make(path);
  return path;
}
