import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiContext } from '../../src/api/app.ts';
import { routes } from '../../src/api/routes.ts';
import { type Client, createClient, paths } from '../../src/client/client.ts';
import type { AskOptions, DocumentFields, SearchOptions } from '../../src/client/types.ts';
import { startService, type TestService } from '../support/service.ts';

const program = fileURLToPath(new URL('../../cli/dt-rag.mjs', import.meta.url));

let service: TestService;
let client: Client;
beforeAll(async () => {
  service = await startService();
  client = createClient({ baseUrl: service.url, apiKey: service.adminKey });
});
afterAll(() => service?.stop());

// Every field that the types name.
const filters = { canonical_in: [['A']], document_ids: [], metadata: { a: 1 } };
const askOptions: Required<AskOptions> = {
  ...{ mode: 'summary', final_topk: 3, filters, strategy: 'keyword', merge_neighbours: true },
  ...{ expand: 'section', deadline_ms: 1000 },
  webhook: { url: 'https://example.org/', events: ['answer.failed'] },
};
const searchOptions: Required<SearchOptions> = { max_results: 3, search_mode: 'bm25', filters };
const documentFields: Required<DocumentFields> = {
  ...{ title: 'T', external_id: 'e', source_url: 'https://example.org/', author: 'A', language: 'en' },
  ...{ taxonomy_path: ['A'], metadata: {}, priority: 5 },
};

describe('what the client sends', () => {
  const declared = routes({} as ApiContext);
  it.each([
    [paths.answers, { question: 'Where?', ...askOptions }],
    [paths.search, { q: 'Where?', ...searchOptions }],
    [paths.documents, { text: 'A text.', ...documentFields }],
  ])('to %s is what the route is documented to take', (path, body) => {
    const spec = declared.find((one) => one.method === 'post' && one.paths.includes(path));
    expect(spec?.body?.safeParse(body).error).toBeUndefined();
  });
});

describe('the client', () => {
  it('brings documents in, finds them, and asks', async () => {
    const document = await client
      .addDocument({ text: 'The tower stands in Paris. It is 300 metres tall.', title: 'Towers' })
      .wait();
    expect(document).toMatchObject({ status: 'ready', title: 'Towers' });
    const file = new Blob(['# 휴가\n\n첫해 연차는 15일입니다.']);
    const uploaded = client.uploadDocument(file, '휴가.md', { metadata: { team: 'hr' } });
    expect((await uploaded.accepted).is_terminal).toBe(false);
    expect(await uploaded.wait()).toMatchObject({ status: 'ready', metadata: { team: 'hr' } });
    const { hits } = await client.search('tower', { max_results: 1 });
    expect(hits[0]?.document_id).toBe(document.id);
    const answer = await client.ask('Where does the tower stand?').wait();
    expect(answer).toMatchObject({ status: 'completed', abstained: false });
    expect(answer.answer).toContain('Paris');
    expect((await client.answer(answer.id).wait()).id).toBe(answer.id);
  });

  it('cancels, and says what is refused', async () => {
    const { status } = await client.ask('Where does the tower stand?').cancel();
    expect(['cancelled', 'completed']).toContain(status);
    await expect(client.ask('').wait()).rejects.toMatchObject({ code: 'validation_failed', status: 422 });
    const stranger = createClient({ baseUrl: service.url, apiKey: 'no-key-of-anybody' });
    await expect(stranger.search('tower')).rejects.toMatchObject({ code: 'unauthenticated' });
  });
});

describe('dt-rag ask', () => {
  function run(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
    const { PATH = '' } = process.env;
    const child = spawn(process.execPath, [program, 'ask', ...args], {
      env: { PATH, DT_RAG_API_KEY: service.adminKey, DT_RAG_URL: service.url },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [out, err] = ['', ''];
    child.stdout.on('data', (bytes) => {
      out += bytes;
    });
    child.stderr.on('data', (bytes) => {
      err += bytes;
    });
    return new Promise((resolve) => {
      child.on('close', (code) => resolve({ code, out, err }));
    });
  }

  it('answers with its sources, and tells the shell how it went', async () => {
    const answered = await run('How tall is the tower?');
    expect(answered, answered.err).toMatchObject({ code: 0 });
    expect(answered.out).toMatch(/300 metres/);
    expect(answered.out).toMatch(/\[1\] Towers/);
    const json = await run('--json', 'Where does the tower stand?');
    const { sources, status } = JSON.parse(json.out);
    expect([status, sources[0]?.verified]).toEqual(['completed', true]);
    const unknown = await run('Who won the chess championship of 1972 in Reykjavik?');
    expect([unknown.code, unknown.err]).toEqual([3, '']);
    const refused = await run('x'.repeat(2001));
    expect([refused.code, refused.out]).toEqual([1, '']);
    expect(refused.err).toMatch(/question/);
    expect((await run('--mode', 'poem', 'Where?')).code).toBe(2);
    const help = await run('--help');
    expect([help.code, help.out]).toEqual([0, expect.stringContaining('종료 코드')]);
  });
});
