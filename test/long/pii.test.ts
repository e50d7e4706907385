import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pdf } from '../support/fixtures/ingestion/pdf.ts';
import { fileForm } from '../support/http.ts';
import {
  addDocument,
  ask,
  type Client,
  createKey,
  documentEnded,
  documentReady,
  ended,
  type Json,
  startService,
  type TestService,
} from '../support/service.ts';

let service: TestService;
let client: Client;
beforeAll(async () => {
  service = await startService();
  client = (await createKey(service, { scope: 'write' })).client;
});
afterAll(() => service.stop());

const documents = '/api/v1/documents';
const textOf = async (document: Json): Promise<string> => (await client.get(document.links.text)).text;
const search = async (q: string): Promise<Json> =>
  (await client.post('/api/v1/search', { q, search_mode: 'bm25' })).body;

/** Tables of any schema, the queues' included, with a row in which the value stands: as text, or in bytes. */
async function tablesWith(value: string): Promise<string[]> {
  const tables = await service.sql.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg_toast%'`,
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const bytes = name.endsWith('blob_parts') ? `or position('${value}'::bytea in t.bytes) > 0` : '';
    const rows = await service.sql.query(
      `select 1 from ${name} t where position($1 in t::text) > 0 ${bytes} limit 1`,
      [value],
    );
    if (rows.length > 0) found.push(name);
  }
  return found;
}

async function counted(kind: string): Promise<number> {
  const { text } = await client.get('/metrics');
  return Number(new RegExp(`^rag_pii_found_total\\{kind="${kind}"\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
}

describe('a document with personal data', () => {
  it('is masked before anything is made of it: nothing of it stays anywhere', async () => {
    const before = await counted('phone');
    const text = `반납 담당은 김민수이며 연락처는 010-7731-4402입니다. 두 번째는 010 7731 4403, 메일은 axqz77@corp.example로.`;
    const document = await addDocument(client, { text, title: '반납 안내', external_id: 'masked' });
    expect(document.pii).toEqual({ policy: 'mask', found: { phone: 2, email: 1 } });
    const stored = await textOf(document);
    expect(stored).toBe(
      '반납 담당은 김민수이며 연락처는 [PHONE]입니다. 두 번째는 [PHONE], 메일은 [EMAIL]로.',
    );
    const { items } = (await client.get(document.links.chunks)).body;
    for (const chunk of items) expect(stored.slice(...chunk.char_range)).toBe(chunk.text);
    for (const value of ['7731-4402', '7731 4403', '77314402', 'axqz77'])
      expect(await tablesWith(value)).toEqual([]);
    expect(await tablesWith('[PHONE]입니다')).toContain('public.chunks');
    expect(await counted('phone')).toBe(before + 2);
    expect((await search('반납 담당 연락처')).hits[0].text).toContain('[PHONE]입니다');
  });

  it('is cited at offsets that stand', async () => {
    await addDocument(client, {
      text: '창고 열쇠 관리자는 박하늘이다. 창고 열쇠 관리자의 번호는 010-7731-4409이다.',
    });
    const answer = await ask(client, { question: '창고 열쇠 관리자는 누구인가?' });
    const [source] = answer.sources;
    expect(source.verified).toBe(true);
    const { text } = await client.get(`${documents}/${source.document_id}/versions/${source.version}/text`);
    expect(text.slice(...source.char_range)).toBe(source.quote);
  });

  it('as a file loses its bytes once it is ready; one without keeps them', async () => {
    const form = fileForm({
      name: 'a.pdf',
      bytes: Uint8Array.from(pdf(['Call 010-7731-4404 now.', 'Second page.'])),
    });
    const { id } = (await client.call('POST', documents, { form })).body;
    const ready = await documentReady(client, id);
    expect(ready.pii).toEqual({ policy: 'mask', found: { phone: 1 } });
    expect(await textOf(ready)).toBe('Call [PHONE] now.\n\nSecond page.');
    const parts = 'select 1 from blob_parts where document_id = $1';
    expect(await service.sql.query(parts, [id])).toEqual([]);
    const harmless = fileForm({ name: 'b.txt', bytes: 'Nothing in it.' });
    const other = (await client.call('POST', documents, { form: harmless })).body;
    expect((await documentReady(client, other.id)).pii).toEqual({ policy: 'mask', found: {} });
    expect(await service.sql.query(parts, [other.id])).toHaveLength(1);
  });

  it('is refused under reject, with kinds and counts alone, and nothing of it stays', async () => {
    const text = 'RRN 900101-1731440 and 900101-1731441, mail rjct88@corp.example.';
    const { id } = (await client.post(documents, { text, pii: 'reject' })).body;
    const failed = await documentEnded(client, id);
    expect(failed).toMatchObject({
      status: 'failed',
      error: { code: 'pii_found', retryable: false, detail: expect.stringContaining('2 rrn') },
      pii: { policy: 'reject', found: { rrn: 2, email: 1 } },
    });
    expect(failed.error.detail).not.toMatch(/\d{3}|corp/);
    for (const value of ['1731440', 'rjct88']) expect(await tablesWith(value)).toEqual([]);
    expect((await client.get(`${documents}/${id}/versions/1/text`)).status).toBe(404);
    const clean = await addDocument(client, { text: 'Nothing personal here.', pii: 'reject' });
    expect(clean.pii).toEqual({ policy: 'reject', found: {} });
  });

  it('stays as it is under off', async () => {
    const text = 'The desk of the office: 02-7731-4405.';
    const document = await addDocument(client, { text, pii: 'off' });
    expect(document.pii).toEqual({ policy: 'off', found: {} });
    expect(await textOf(document)).toBe(text);
  });

  it('is read again when the policy changes, and unchanged when not', async () => {
    const document = { external_id: 'policy', text: 'Fax 02-7731-4406.' };
    const first = await addDocument(client, { ...document, pii: 'off' });
    expect((await client.post(documents, { ...document, pii: 'off' })).status).toBe(200);
    const second = await addDocument(client, document);
    expect(second).toMatchObject({ id: first.id, version: 2, pii: { policy: 'mask', found: { phone: 1 } } });
    expect(await textOf(second)).toBe('Fax [PHONE].');
    expect((await client.post(documents, { ...document, pii: 'mask' })).status).toBe(200);
  });

  it('is masked or not by the defaults of a batch and by a field of a form', async () => {
    const items = [{ text: 'Call 010-7731-4407.' }, { text: 'Call 010-7731-4407!', pii: 'mask' }];
    const { body } = await client.post('/api/v1/ingestion-batches', { items, defaults: { pii: 'off' } });
    await ended(client, body.links.self);
    const rows = (await client.get(body.links.items)).body.items;
    const policies = rows.map(
      async ({ document_id }: Json) => (await documentReady(client, document_id)).pii,
    );
    expect(await Promise.all(policies)).toEqual([
      { policy: 'off', found: {} },
      { policy: 'mask', found: { phone: 1 } },
    ]);
    const form = fileForm({ name: 'a.txt', bytes: 'Call 010-7731-4408.' }, { pii: 'reject' });
    const { id } = (await client.call('POST', documents, { form })).body;
    expect((await documentEnded(client, id)).error.code).toBe('pii_found');
    const wrong = await client.post(documents, { text: 'a', pii: 'hide' });
    expect(wrong).toMatchObject({ status: 422, body: { errors: [{ pointer: '/pii' }] } });
  });
});

describe('what callers write in passing', () => {
  it('is kept, searched and cached with placeholders', async () => {
    const question = '번호 010-7731-4411과 kqst99@corp.example의 주인은 누구인가?';
    const key = { 'Idempotency-Key': 'a question with a number' };
    const asked = await client.post('/api/v1/answers', { question }, key);
    const answer = await ended(client, asked.body.links.self);
    expect(answer.question).toBe('번호 [PHONE]과 [EMAIL]의 주인은 누구인가?');
    const found = await search(question);
    expect(found.query_analysis.words.map(({ word }: Json) => word)).toContain('phone');
    const rated = await client.post(`/api/v1/answers/${answer.id}/feedback`, {
      rating: 1,
      comment: 'Ask kqst99@corp.example or 010-7731-4411.',
      reason: '010-7731-4411',
    });
    expect(rated.body).toMatchObject({ comment: 'Ask [EMAIL] or [PHONE].', reason: '[PHONE]' });
    for (const value of ['7731-4411', 'kqst99']) expect(await tablesWith(value)).toEqual([]);
    expect((await tablesWith('[PHONE]과')).sort()).toEqual(['public.answers', 'public.idempotency_keys']);
  });
});
