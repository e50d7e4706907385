import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseArgs, promisify } from 'node:util';
import { readConfig } from '../src/config.ts';
import { openDatabase } from '../src/db/connect.ts';
import { startGeminiStandIn } from '../test/support/gemini-stand-in.ts';
import { createClient, type Json } from '../test/support/http.ts';
import { waitFor } from '../test/support/wait-for.ts';

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: { items: { type: 'string', default: '10000' }, port: { type: 'string', default: '8765' } },
});
const serverUrl = process.env.DATABASE_URL;
if (!serverUrl) throw new Error('Set DATABASE_URL: a database is made there, and removed at the end.');
const total = Number(values.items);
const say = (text: string) => console.error(text);

/** One line in a hundred is poisoned: not JSON, not a document, or refused by the embedding model. */
type Poison = 'not JSON' | 'not a document' | 'not embedded';
const poisonOf = (n: number): Poison | undefined =>
  n % 100 === 50
    ? (['not JSON', 'not a document', 'not embedded'] as const)[Math.floor(n / 100) % 3]
    : undefined;
const share = (poison: Poison) =>
  Array.from({ length: total }, (_, n) => poisonOf(n)).filter((one) => one === poison).length;

function line(n: number): string {
  const poison = poisonOf(n);
  if (poison === 'not JSON') return `{"text": "item ${n}`;
  if (poison === 'not a document') return JSON.stringify({ text: 7, external_id: `item-${n}` });
  const words = Array.from({ length: 60 }, (_, k) => `word${(n * 31 + k * 17) % 5000}`).join(' ');
  return JSON.stringify({
    text: `Item ${n}${poison ? ' POISON' : ''}. ${words}.`,
    ...{ external_id: `item-${n}`, metadata: { n } },
  });
}

const name = `dt_rag_bench_${process.pid}`;
const url = new URL(serverUrl);
url.pathname = `/${name}`;
const crash = (error: Error) => {
  throw error;
};
const server = await openDatabase(readConfig({ DATABASE_URL: serverUrl }, 'worker'), crash);
await server.db.raw(`create database ${name}`);
const standIn = await startGeminiStandIn();
const isPoisoned = ({ body }: { body: { requests?: { content: { parts: { text?: string }[] } }[] } }) =>
  body.requests?.some(({ content }) => content.parts.some(({ text }) => text?.includes('POISON')));
standIn.script((request) =>
  isPoisoned(request as never) ? { error: 400, reason: 'INVALID_ARGUMENT' } : undefined,
);
const adminKey = 'the-admin-key-of-a-bench';
const env = {
  ...process.env,
  ...{ DATABASE_URL: url.href, QUEUE_PREFIX: name, PORT: values.port, HOST: '127.0.0.1', LOG_LEVEL: 'fatal' },
  ...{
    ADMIN_API_KEY: adminKey,
    SECRET_KEY: 'the-secret-key-of-a-bench-is-long-enough',
    ENVIRONMENT: 'testing',
  },
  ...{ EMBEDDING_PROVIDER: 'gemini', GEMINI_API_KEY: 'a-key', GEMINI_BASE_URL: standIn.url },
};
const start = (entry: string): ChildProcess =>
  spawn(process.execPath, ['--import', 'tsx', entry], { env, stdio: ['ignore', 'inherit', 'inherit'] });
await promisify(execFile)(process.execPath, ['--import', 'tsx', 'src/migrate.ts', 'latest'], { env });
const api = start('src/main.ts');
const worker = start('workers/main.ts');
const client = createClient(`http://127.0.0.1:${values.port}`, adminKey);
const rssMb = () =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${api.pid}/status`, 'utf8'))?.[1]) / 1024);

const readings = { polls: 0, unequal: 0, rss: [] as number[] };
const seconds = (since: number) => Math.round((performance.now() - since) / 100) / 10;

/** Looks at the newest batch until it has ended; every look must add up. */
async function follow(): Promise<Json> {
  for (let looks = 0; ; looks++) {
    const [batch] = (await client.get('/api/v1/ingestion-batches?limit=1')).body.items;
    if (batch) {
      const { total: sum, ...others } = batch.counts;
      readings.polls++;
      if (Object.values<number>(others).reduce((a, b) => a + b, 0) !== sum) readings.unequal++;
      readings.rss.push(rssMb());
      if (looks % 40 === 0)
        say(
          JSON.stringify({
            ...batch.counts,
            rate: batch.rate_per_min,
            eta: batch.eta_seconds,
            waiting: batch.waiting,
            rss: rssMb(),
          }),
        );
      if (batch.is_terminal) return batch;
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

const database = await openDatabase(readConfig({ DATABASE_URL: url.href }, 'worker'), crash);
const count = async (sql: string): Promise<number> =>
  (await database.db.raw(`select count(*)::int as n ${sql}`)).rows[0].n;
try {
  await waitFor(
    'the API answers',
    async () => (await client.get('/health/ready').catch(() => undefined))?.status === 200,
  );
  const idle = rssMb();
  let next = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (next === total) return controller.close();
      controller.enqueue(new TextEncoder().encode(`${line(next++)}\n`));
    },
  });
  const began = performance.now();
  const sent = client.call('POST', '/api/v1/ingestion-batches', {
    raw: body,
    headers: { 'Content-Type': 'application/x-ndjson', 'Idempotency-Key': 'bench' },
  });
  const taken = sent.then((reply) => {
    say(`taken in after ${seconds(began)} s`);
    return { status: reply.status, taken_in_after: seconds(began) };
  });
  const ended = await follow();
  const first = { ...(await taken), ended_after: seconds(began), counts: ended.counts };
  const failedIn = Object.fromEntries(
    (
      await database.db.raw(`select coalesce(v.failed_in, 'validation') as stage, count(*)::int as n from ingestion_items i
      left join document_versions v using (document_id, version) where i.outcome = 'failed' or v.status = 'failed' group by 1`)
    ).rows.map(({ stage, n }: { stage: string; n: number }) => [stage, n]),
  );
  standIn.script([]);
  const asked = standIn.requests.length;
  await client.post(`${ended.links.self}/retry`);
  const again = await follow();
  console.log(
    JSON.stringify(
      {
        items: total,
        expected: {
          validation: share('not JSON') + share('not a document'),
          embedding: share('not embedded'),
        },
        first,
        failedIn,
        after_retry: again.counts,
        embedding_calls_of_retry: standIn.requests.length - asked,
        read_more_than_once: await count('from document_versions where attempts <> 1'),
        versions_too_many: await count('from document_versions where version > 1'),
        documents: await count('from documents'),
        items_rows: await count('from ingestion_items'),
        chunks: await count('from chunks'),
        vectors: await count('from chunk_vectors'),
        polls: readings.polls,
        polls_that_did_not_add_up: readings.unequal,
        api_rss_mb: {
          idle,
          least: Math.min(...readings.rss),
          most: Math.max(...readings.rss),
          last: readings.rss.at(-1),
        },
      },
      null,
      1,
    ),
  );
} finally {
  for (const child of [worker, api]) {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await gone;
  }
  await standIn.close();
  await database.close();
  await server.db.raw(`drop database ${name} with (force)`);
  await server.close();
}
