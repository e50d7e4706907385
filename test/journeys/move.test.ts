import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Standalone, startStandalone } from '../../workers/standalone.ts';
import { handbook } from '../support/handbook.ts';
import { type Client, createClient, type Json } from '../support/http.ts';
import { createDatabase, databaseUrl, dropDatabases } from '../support/server.ts';
import { addDocuments, ask, documentReady } from '../support/service.ts';
import { openSql } from '../support/sql.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const server = Boolean(process.env.TEST_DATABASE_URL);
if (!server)
  process.stderr.write(
    'SKIPPED: moving between tiers needs TEST_DATABASE_URL (eval "$(.ci/services up)").\n',
  );

/** `npm run move`, as its own process. */
function move(from: string, to: string, env: Record<string, string> = {}) {
  const { PATH = '' } = process.env;
  const argv = ['--import', 'tsx', 'src/move.ts', '--from', from, '--to', to];
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, argv, { cwd: root, env: { PATH, ...env } }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

const adminKey = 'the-admin-key-of-this-journey';
const running = new Set<Standalone>();
async function start(environment: Record<string, string>): Promise<Standalone> {
  const service = await startStandalone({
    PORT: '0',
    ENVIRONMENT: 'testing',
    LOG_LEVEL: 'silent',
    ADMIN_API_KEY: adminKey,
    ...environment,
  });
  running.add(service);
  return service;
}
async function stop(service: Standalone): Promise<void> {
  running.delete(service);
  await service.stop();
}

async function query(url: string, ...statements: string[]): Promise<Json[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let rows: Json[] = [];
    for (const statement of statements) rows = (await client.query(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

const questions = ['연차 휴가는 며칠인가요?', 'days from home 🏠', 'forklifts', '노트북 분실 신고'];
async function searchAll(client: Client): Promise<Json[]> {
  const replies = await Promise.all(questions.map((q) => client.post('/api/v1/search', { q })));
  return replies.map((reply) => {
    expect(reply.status, reply.text).toBe(200);
    expect(reply.body.hits.length).toBeGreaterThan(0);
    return reply.body.hits;
  });
}

describe.skipIf(!server)('a service that moves', () => {
  const run = `dtrag_move_${randomBytes(4).toString('hex')}`;
  let folder: string;
  let first: string;
  let key: string;
  let hits: Json[];
  let answer: Json;
  let unfinished: string;
  let secretKey: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dt-rag-move-'));
    await createDatabase(run);
    first = join(folder, 'first');
    let service = await start({ DATA_DIR: first });
    const admin = createClient(service.url, adminKey);
    const made = await admin.post('/api/v1/admin/api-keys', {
      name: 'writer 열쇠',
      scope: 'write',
      rate_limit: 1_000_000,
    });
    key = made.body.api_key;
    const reader = createClient(service.url, key);
    await addDocuments(admin, handbook);
    answer = await ask(reader, { question: '연차 휴가는 며칠인가요?' });
    const rated = await reader.post(answer.links.feedback, { rating: 1, comment: '좋아요 👍' });
    expect(rated.status, rated.text).toBeLessThan(300);
    const flag = { enabled: true, rollout_percent: 40, reason: 'moved along' };
    expect((await admin.put('/api/v1/admin/flags/debate_mode', flag)).status).toBe(200);
    hits = await searchAll(reader);
    answer = (await reader.get(answer.links.self)).body;
    await stop(service);

    // Accepted while nobody ingests; then held by a worker that no longer exists.
    service = await start({ DATA_DIR: first, QUEUES: 'learning' });
    const accepted = await createClient(service.url, adminKey).post('/api/v1/documents', {
      external_id: 'late',
      text: '늦은 문서. The canteen closes at half past two. 🍲',
    });
    unfinished = accepted.body.id;
    const sql = openSql({ host: first, port: 5432, user: 'postgres', database: 'postgres' });
    await sql.query(
      `update document_versions set status = 'parsing', lease_token = gen_random_uuid(), lease_until = now() + interval '1 day'
        where document_id = $1`,
      [unfinished],
    );
    await sql.close();
    await stop(service);
    secretKey = (await readFile(join(first, 'secret-key'), 'utf8')).trim();
  });
  afterAll(async () => {
    for (const service of running) await stop(service);
    await dropDatabases(run);
    await rm(folder, { recursive: true, force: true });
  });

  it('takes everything along to a server, and work goes on there', async () => {
    const url = databaseUrl(run);
    const moved = await move(`embedded:${first}`, url);
    expect(moved, moved.stderr).toMatchObject({ code: 0 });
    expect(moved.stdout).toMatch(/^documents +6 +6 +[0-9a-f]{32} +same$/m);
    expect(moved.stdout).not.toContain('DIFFERENT');
    expect(moved.stdout + moved.stderr).not.toContain(secretKey);

    const environment = { DATA_DIR: join(folder, 'unused'), DATABASE_URL: url, SECRET_KEY: secretKey };
    let service = await start({ ...environment, QUEUES: 'learning' });
    await expectEverything(service);
    await stop(service);

    service = await start(environment);
    const late = await documentReady(createClient(service.url, key), unfinished);
    expect(late.external_id).toBe('late');
    // Numbers go on where they were: nothing that was moved is in their way.
    await addDocuments(createClient(service.url, adminKey), [{ external_id: 'new', text: 'A new page.' }]);
    hits = await searchAll(createClient(service.url, key));
    await stop(service);
  });

  async function expectEverything(service: Standalone): Promise<void> {
    const reader = createClient(service.url, key);
    expect(await searchAll(reader)).toEqual(hits);
    const { body } = await reader.get(`/api/v1/answers/${answer.id}`);
    expect(body).toEqual(answer);
    const flags = await createClient(service.url, adminKey).get('/api/v1/admin/flags');
    expect(JSON.stringify(flags.body)).toContain('moved along');
  }

  it('refuses a target that has rows, and leaves them', async () => {
    const url = databaseUrl(run);
    const before = await query(url, 'select * from documents order by id');
    const refused = await move(`embedded:${first}`, url);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/^The target is not empty \(rows: .*documents 7/m);
    expect(await query(url, 'select * from documents order by id')).toEqual(before);
  });

  it('notices a copy that differs, and keeps nothing of it', async () => {
    const other = `${run}_other`;
    await createDatabase(other);
    const url = databaseUrl(other);
    const { PATH = '' } = process.env;
    await new Promise<void>((resolve, reject) => {
      const argv = ['--import', 'tsx', 'src/migrate.ts'];
      execFile(process.execPath, argv, { cwd: root, env: { PATH, DATABASE_URL: url } }, (error) =>
        error ? reject(error) : resolve(),
      );
    });
    await query(
      url,
      `create function meddle() returns trigger language plpgsql as $$ begin
         if new.external_id = 'expenses' then new.title := new.title || ' '; end if; return new; end $$`,
      'create trigger meddle before insert on documents for each row execute function meddle()',
    );
    const differing = await move(databaseUrl(run), url);
    expect(differing.code).toBe(1);
    expect(differing.stdout.match(/^\w+(?=.*DIFFERENT$)/gm)).toEqual(['documents']);
    expect(await query(url, 'select * from documents')).toEqual([]);
    expect(await query(url, 'select version from taxonomy_versions')).toEqual([{ version: '1.0.0' }]);
  });

  it('comes back into a directory', async () => {
    const second = join(folder, 'second');
    const moved = await move(databaseUrl(run), `embedded:${second}`, { SECRET_KEY: secretKey });
    expect(moved, moved.stderr).toMatchObject({ code: 0 });
    const service = await start({ DATA_DIR: second });
    await expectEverything(service);
    const busy = await move(`embedded:${second}`, databaseUrl(run));
    expect(busy.code).toBe(1);
    expect(busy.stderr).toContain('in use by another process');
    await stop(service);
  });
});
