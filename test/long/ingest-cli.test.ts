import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { countRows, createKey, type Json, startService, type TestService } from '../support/service.ts';
import { waitFor } from '../support/wait-for.ts';

const program = fileURLToPath(new URL('../../cli/dt-rag.mjs', import.meta.url));

let service: TestService;
let folder: string;
let state: string;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service?.stop());

let turn = 0;
beforeEach(async () => {
  const home = await mkdtemp(join(tmpdir(), 'dt-rag-test-'));
  // A name of its own for every test: sources are told apart by it.
  folder = join(home, `handbook-${turn++}`);
  state = join(home, 'state');
  await mkdir(folder);
  return () => rm(home, { recursive: true, force: true });
});

async function write(files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

function start(args: string[]) {
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH, DT_RAG_API_KEY: service.adminKey, DT_RAG_URL: service.url, DT_RAG_STATE: state },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (bytes) => {
    out += bytes;
  });
  child.stderr.on('data', (bytes) => {
    err += bytes;
  });
  const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
    child.on('close', (code) => resolve({ code, out, err }));
  });
  return { child, ended };
}

/** The summary of a run that is to end with `code`. */
async function ingest(args: string[] = [], code = 0): Promise<Json> {
  const { ended } = start(['ingest', folder, '--json', ...args]);
  const outcome = await ended;
  expect(outcome.code, outcome.err).toBe(code);
  return JSON.parse(outcome.out);
}

const name = () => folder.slice(folder.lastIndexOf('/') + 1);
async function remote(): Promise<Record<string, Json>> {
  const { body } = await service.admin.get(`/api/v1/documents?limit=200&external_id_prefix=${name()}/`);
  return Object.fromEntries(
    body.items.map((item: Json) => [item.external_id.slice(name().length + 1), item]),
  );
}

describe('dt-rag ingest', () => {
  it('sends a folder, then only what changed, and removes what is gone when told to', async () => {
    await write({ 'tea.md': '# Tea\n\nGreen tea.', 'rules/휴가.txt': '연차는 15일입니다.', 'logo.png': 'x' });
    const first = await ingest(['--metadata', 'team=hr', '--taxonomy', 'HR/Leave']);
    expect(first).toMatchObject({
      files: 2,
      ingested: 2,
      unchanged: 0,
      failed: 0,
      skipped: { 'without text': 1 },
    });
    expect((await remote())['rules/휴가.txt']).toMatchObject({
      ...{ status: 'ready', version: 1, taxonomy_path: ['HR', 'Leave'] },
      metadata: { team: 'hr', source: name(), path: 'rules/휴가.txt' },
    });
    const same = ['--metadata', 'team=hr', '--taxonomy', 'HR/Leave'];
    const before = await countRows(service.sql, ['idempotency_keys']);
    expect(await ingest(same)).toMatchObject({ files: 2, ingested: 0, unchanged: 2 });
    expect(await countRows(service.sql, ['idempotency_keys']), 'nothing was sent').toEqual(before);

    // Touched, but the same; and changed, at the same length.
    await utimes(join(folder, 'rules/휴가.txt'), 1, 1);
    await write({ 'tea.md': '# Tea\n\nBlack tea' });
    expect(await ingest(same)).toMatchObject({ ingested: 1, unchanged: 1 });
    const changed = await remote();
    expect([changed['tea.md'].version, changed['rules/휴가.txt'].version]).toEqual([2, 1]);

    await rm(join(folder, 'tea.md'));
    expect(await ingest([...same, '--prune', '--dry-run'])).toMatchObject({ pruned: 1, unchanged: 1 });
    expect(Object.keys(await remote())).toHaveLength(2);
    expect(await ingest([...same, '--prune', '--yes'])).toMatchObject({ pruned: 1, unchanged: 1 });
    expect(Object.keys(await remote())).toEqual(['rules/휴가.txt']);
  });

  it('does without what it remembers, and notices what the service lost', async () => {
    await write({ 'a.txt': 'Quokkas smile.', 'b.txt': 'Numbats eat.' });
    await ingest();
    await rm(state, { recursive: true });
    expect(await ingest()).toMatchObject({ ingested: 0, unchanged: 2 });
    const { 'a.txt': document } = await remote();
    expect((await service.admin.delete(`/api/v1/documents/${document.id}`)).status).toBe(202);
    expect(await ingest()).toMatchObject({ ingested: 1, unchanged: 1 });
    expect(Object.keys(await remote()).sort()).toEqual(['a.txt', 'b.txt']);
  });

  it('never removes what it did not send, nor anything after a walk that saw nothing or not all', async () => {
    await write({ 'a.txt': 'Quokkas smile.' });
    await ingest();
    const theirs = { text: 'Sent by somebody else.', external_id: `${name()}/theirs` };
    expect((await service.admin.post('/api/v1/documents', theirs)).status).toBe(202);
    await rm(join(folder, 'a.txt'));
    expect(await ingest(['--prune', '--yes'])).toMatchObject({ files: 0, pruned: 0 });
    await write({ 'c.txt': 'Bilbies dig.' });
    expect(await ingest(['--prune', '--yes'])).toMatchObject({ ingested: 1, pruned: 1 });
    expect(Object.keys(await remote()).sort()).toEqual(['c.txt', 'theirs']);
  });

  it('keeps a folder in several collections, each for itself', async () => {
    await write({ 'a.txt': 'Numbats eat termites.', 'b.txt': 'Dunnarts hunt at night.' });
    const collections = async () =>
      (await service.admin.get(`/api/v1/documents?external_id_prefix=${name()}/`)).body.items
        .map(({ collection, external_id }: Json) => `${collection} ${external_id.slice(name().length + 1)}`)
        .sort();
    await ingest();
    const inField = ['--collection', 'field'];
    expect(await ingest(inField)).toMatchObject({ ingested: 2 });
    expect(await ingest(inField)).toMatchObject({ ingested: 0, unchanged: 2 });
    await rm(join(folder, 'b.txt'));
    expect(await ingest([...inField, '--prune', '--yes'])).toMatchObject({ pruned: 1 });
    expect(await collections()).toEqual(['default a.txt', 'default b.txt', 'field a.txt']);

    const { key } = await createKey(service, { scope: 'write', permissions: ['collection:field'] });
    const elsewhere = await start(['ingest', folder, '--key', key]).ended;
    expect([elsewhere.code, elsewhere.err]).toEqual([1, expect.stringContaining('collection')]);
    await write({ 'c.txt': 'Bettongs dig for truffles.' });
    expect(await ingest([...inField, '--key', key])).toMatchObject({ ingested: 1, unchanged: 1 });
  });

  it('lists what failed, goes on with the rest, and tries it again next time', async () => {
    await write({ 'good.txt': 'Woylies hop.', 'bad.pdf': '%PDF-1.7\nthis is no PDF at all\n%%EOF' });
    for (const ingested of [1, 0]) {
      const summary = await ingest([], 1);
      expect(summary).toMatchObject({ ingested, failed: 1 });
      expect(summary.failures).toMatchObject([{ path: 'bad.pdf', code: 'document_unreadable' }]);
    }
    const { ended } = start(['ingest', folder]);
    const { code, err, out } = await ended;
    expect([code, err]).toEqual([1, expect.stringContaining('failed: bad.pdf: document_unreadable: ')]);
    expect(out).toMatch(/^2 files: 0 new or changed, 1 unchanged, 1 failed, 0 removed; .*\n {2}bad\.pdf: /);
  });

  it.each(['SIGKILL', 'SIGINT'] as const)('that is ended by %s goes on where it stopped', async (signal) => {
    const files = Array.from({ length: 60 }, (_, n) => [`${n}.txt`, `Note ${n} of ${folder}.`]);
    await write(Object.fromEntries(files));
    const { child, ended } = start(['ingest', folder, '--json', '--jobs', '1']);
    await waitFor('some are accepted', async () => Object.keys(await remote()).length >= 3);
    child.kill(signal);
    const { code, out } = await ended;
    expect(code).toBe(signal === 'SIGINT' ? 130 : null);
    if (signal === 'SIGINT') expect(JSON.parse(out)).toMatchObject({ interrupted: true, failed: 0 });
    expect(Object.keys(await remote()).length).toBeLessThan(60);

    const { failed, ingested, unchanged } = await ingest();
    expect([failed, ingested + unchanged]).toEqual([0, 60]);
    const documents = Object.values(await remote());
    expect(documents).toHaveLength(60);
    expect(documents.every(({ status, version }) => status === 'ready' && version === 1)).toBe(true);
  });

  it('says what is wrong with how it is called, and does nothing', async () => {
    await write({ 'a.txt': 'Quokkas smile.', 'old/docs/a.txt': 'x', 'new/docs/a.txt': 'y' });
    for (const args of [
      ['ingest'],
      ['ingest', join(folder, 'old/docs'), join(folder, 'new/docs')],
      ['ingest', join(folder, 'a.txt'), '--prune', '--yes'],
      ['ingest', folder, '--jobs', '0'],
      ['ingest', folder, '--colour'],
      ['ingest', folder, '--prune'],
      ['ingest', folder, folder, '--name', 'x'],
      ['ingest', join(folder, 'nowhere')],
    ]) {
      const { code, err } = await start(args).ended;
      expect([args, code]).toEqual([args, 2]);
      expect(err).not.toBe('');
      expect(err).not.toContain('    at ');
    }
    expect(await remote()).toEqual({});
  });

  it('ends at once where nobody answers, or the key is wrong', async () => {
    await write({ 'a.txt': 'Quokkas smile.' });
    const nobody = await start(['ingest', folder, '--url', 'http://127.0.0.1:9']).ended;
    expect([nobody.code, nobody.err]).toEqual([1, expect.stringContaining('does not answer')]);
    const stranger = await start(['ingest', folder, '--key', 'no-key']).ended;
    expect([stranger.code, stranger.err]).toEqual([1, expect.stringMatching(/^[A-Z].+\.\n$/)]);
  });
});
