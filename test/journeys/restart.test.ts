import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { type Database, openDatabase } from '../../src/db/connect.ts';
import { type Client, createClient } from '../support/http.ts';
import { ended, type Json } from '../support/service.ts';
import { waitFor } from '../support/wait-for.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const adminKey = 'the-admin-key-of-this-journey';

interface Running {
  child: ChildProcess;
  client: Client;
  output: () => string;
}

const children = new Set<ChildProcess>();
let dataDir: string | undefined;
afterAll(async () => {
  for (const child of children) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
  if (dataDir) await rm(dataDir, { recursive: true, force: true });
});

function launch(directory: string): { child: ChildProcess; output: () => string } {
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, ['--import', 'tsx', 'workers/start.ts'], {
    cwd: root,
    env: {
      PATH,
      PORT: '0',
      DATA_DIR: directory,
      ADMIN_API_KEY: adminKey,
      ENVIRONMENT: 'testing',
      LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => {
      output += chunk;
    });
  return { child, output: () => output };
}

/** `npm start` as its own process, once it listens. */
async function start(directory: string): Promise<Running> {
  const { child, output } = launch(directory);
  const url = await waitFor('the service listens', () => {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${output()}`);
    return /DT-RAG is ready: (http:\S+)\/docs/.exec(output())?.[1];
  });
  return { child, client: createClient(url, adminKey), output };
}

async function kill({ child }: Running, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

/** Two chunks each. */
const documents = Array.from({ length: 40 }, (_, n) => ({
  external_id: `journal-${n}`,
  title: `Journal ${n}`,
  text: Array.from(
    { length: 25 },
    (_, day) =>
      `On day ${day} of journey ${n} the caravan walked ${n + day} kilometres and rested by well ${day * n}.`,
  ).join('\n'),
}));
const questions = [7, 11, 13, 17, 19].map((n) => `How far did the caravan walk on day 3 of journey ${n}?`);

/** Posts everything; gives the paths of what was accepted. */
async function postAll(client: Client): Promise<{ batches: string[]; answers: string[] }> {
  const post = async (path: string, body: unknown): Promise<string> => {
    const reply = await client.post(path, body);
    expect(reply.status, reply.text).toBe(202);
    return reply.body.links.self;
  };
  const batches: string[] = [];
  for (let i = 0; i < documents.length; i += 10)
    batches.push(await post('/api/v1/ingestion-batches', { items: documents.slice(i, i + 10) }));
  const answers: string[] = [];
  for (const question of questions) answers.push(await post('/api/v1/answers', { question }));
  return { batches, answers };
}

describe('a service that is killed', () => {
  it('finishes everything it had accepted, exactly once, after its restart', async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'dt-rag-journey-'));
    const first = await start(dataDir);
    const { batches, answers } = await postAll(first.client);

    // The moment is a state of the work: after so many of the documents are ready.
    const seed = Number(process.env.RESTART_SEED ?? randomInt(30));
    process.stdout.write(`RESTART_SEED=${seed}: killed when ${seed} documents are ready\n`);
    const countReady = async () => {
      const states: Json[] = await Promise.all(
        batches.map(async (path) => (await first.client.get(path)).body.counts),
      );
      return states.reduce((sum, { completed }) => sum + completed, 0);
    };
    await waitFor('enough documents are ready', async () => (await countReady()) >= seed, {
      withinMs: 60_000,
      everyMs: 5,
    });
    await kill(first, 'SIGKILL');

    const second = await start(dataDir);
    const refused = launch(dataDir);
    const [code] = await once(refused.child, 'exit');
    expect(code).toBe(1);
    expect(refused.output()).toMatch(/DATA_DIR .+ is in use by another process/);

    for (const path of batches) {
      const batch = await waitFor(
        `${path} has ended`,
        async () => {
          const { body } = await second.client.get(path);
          return body.is_terminal && body;
        },
        { withinMs: 90_000 },
      );
      expect(batch).toMatchObject({
        status: 'completed',
        counts: { total: 10, completed: 10, failed: 0, cancelled: 0 },
      });
    }
    for (const path of answers) {
      const answer = await ended(second.client, path);
      expect(['completed', 'expired']).toContain(answer.status);
    }
    const learned = await waitFor('everything is learned', async () => {
      const { body } = await second.client.get('/api/v1/admin/learning');
      return body.buffer.pending === 0 && body;
    });
    expect(learned.buffer.size).toBeLessThanOrEqual(questions.length);
    await kill(second, 'SIGTERM');
    expect(second.output()).not.toMatch(/"level":[56]0/);
    await expectConsistent(dataDir);
  }, 240_000);
});

/** Opens what the service left behind and counts. */
async function expectConsistent(directory: string): Promise<void> {
  const database = await openDatabase(readConfig({ DATA_DIR: directory }), (error) => {
    throw error;
  });
  try {
    await checkRows(database);
  } finally {
    await database.close();
  }
}

async function checkRows({ db }: Database): Promise<void> {
  const one = async (sql: string): Promise<Json> => (await db.raw(sql)).rows[0];
  const none = async (what: string, sql: string) =>
    expect([what, (await db.raw(sql)).rows]).toEqual([what, []]);

  expect(
    await one('select count(*)::int as n, count(distinct external_id)::int as names from documents'),
  ).toEqual({
    n: documents.length,
    names: documents.length,
  });
  await none(
    'unfinished versions',
    `select * from document_versions where status <> 'ready' or version <> 1`,
  );
  await none('held leases', 'select * from document_versions where lease_token is not null');
  await none(
    'versions without exactly their chunks',
    `select v.document_id from document_versions v left join chunks c using (document_id, version)
      group by v.document_id, v.version, v.chunk_count
     having count(c.seq) <> v.chunk_count or count(distinct c.n) <> v.chunk_count or count(*) filter (where c.live) <> v.chunk_count`,
  );
  await none(
    'chunks without exactly one vector',
    `select c.seq from chunks c left join chunk_vectors x on x.chunk_seq = c.seq group by c.seq having count(x.chunk_seq) <> 1`,
  );
  await none(
    'chunks that are not slices of their text',
    `select c.seq from chunks c join document_versions v using (document_id, version)
      where substr(v.text, c.start_char + 1, c.end_char - c.start_char) <> c.text`,
  );
  const words =
    'select w.word, c.seq, w.frequency, c.word_count from chunks c cross join lateral unnest(c.words, c.frequencies) as w(word, frequency) where c.live';
  const postings = 'select word, chunk_seq, frequency, word_count from postings';
  await none('words without posting', `${words} except ${postings}`);
  await none('postings without word', `${postings} except (${words})`);
  expect(await one('select live_chunks::int as chunks, live_words::int as words from corpus_state')).toEqual(
    await one('select count(*)::int as chunks, sum(word_count)::int as words from chunks where live'),
  );
  await none('unfinished answers', `select id from answers where status in ('queued', 'in_progress')`);
  await none(
    'completed answers without exactly one experience',
    `select a.id from answers a left join experiences e on e.answer_id = a.id and e.source = 'answer'
      where a.status = 'completed' group by a.id having count(e.id) <> 1`,
  );
}
