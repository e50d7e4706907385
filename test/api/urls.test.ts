import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Client,
  createKey,
  documentEnded,
  documentReady,
  ended,
  type Json,
  startService,
  type TestService,
} from '../support/service.ts';
import { waitFor } from '../support/wait-for.ts';
import { openWebSite, type Pages, page, redirectTo, type WebSite } from '../support/web-site.ts';

const documents = '/api/v1/documents';
const html = (title: string, text: string) =>
  `<html><title>${title}</title><body><p>${text}</p></body></html>`;

/** What the site's page says now, and whether its server remembers. */
let said = html('Quokkas', 'Quokkas live on Rottnest Island.');
let tagged = true;
const release: (() => void)[] = [];

const pages: Pages = {
  '/page': (request, response) => {
    const etag = `"${said.length}"`;
    const same = tagged && request.headers['if-none-match'] === etag;
    response.writeHead(same ? 304 : 200, { 'Content-Type': 'text/html', ...(tagged && { ETag: etag }) });
    response.end(same ? undefined : said);
  },
  '/moved': redirectTo('/page'),
  '/notes.md': page('# Notes\n\nNumbats eat termites.\n'),
  '/slow': (_request, response) => {
    release.push(() => void response.end('Bilbies dig.'));
    response.writeHead(200, { 'Content-Type': 'text/plain' }).flushHeaders();
  },
  '/flaky': (_request, response) => {
    const first = site.paths().filter((path) => path === '/flaky').length === 1;
    response.writeHead(first ? 503 : 200).end(first ? '' : 'Woylies hop.');
  },
  '/secret/x': page('never read'),
  // Without a Content-Length, so that it is found out on the way.
  '/large': (_request, response) => {
    response.write(Buffer.alloc(1024 * 1024, 'x'));
    response.end(Buffer.alloc(1024 * 1024, 'x'));
  },
  '/robots.txt': page('User-agent: *\nDisallow: /secret/'),
};

let service: TestService;
let client: Client;
let site: WebSite;
beforeAll(async () => {
  site = await openWebSite(pages);
  service = await startService({ URL_PRIVATE_ADDRESSES: 'allow', MAX_UPLOAD_MB: '1' });
  client = (await createKey(service, { scope: 'write' })).client;
});
afterAll(async () => {
  await service?.stop();
  await site?.close();
});

const post = async (path: string, more: Record<string, unknown> = {}): Promise<Json> => {
  const reply = await client.post(documents, { url: `${site.url}${path}`, ...more });
  expect(reply.status, reply.text).toBe(202);
  return reply.body;
};
const versionsOf = async (id: string) => (await client.get(`${documents}/${id}/versions`)).body.items;

describe('a document as a URL', () => {
  it('is accepted as a row, fetched by a worker, and found', async () => {
    const accepted = await post('/moved#part');
    expect(accepted).toMatchObject({
      ...{ status: 'queued', external_id: `${site.url}/moved`, source_url: `${site.url}/moved`, version: 1 },
    });
    const ready = await documentReady(client, accepted.id);
    expect(ready).toMatchObject({
      ...{ title: 'Quokkas', source_url: `${site.url}/page`, external_id: `${site.url}/moved` },
      ...{ content_type: 'text/html', bytes: Buffer.byteLength(said), version: 1 },
    });
    const { hits } = (await client.post('/api/v1/search', { q: 'quokkas', search_mode: 'bm25' })).body;
    expect(hits[0]).toMatchObject({ document_id: ready.id, source: { url: `${site.url}/page` } });
    expect(site.seen[0]?.headers['user-agent']).toMatch(/^DT-RAG\/\d/);
  });

  it('keeps the source_url and the external_id that are given', async () => {
    const given = { external_id: 'notes', source_url: 'https://example.org/notes', metadata: { a: 1 } };
    const ready = await documentReady(client, (await post('/notes.md', given)).id);
    expect(ready).toMatchObject({ ...given, title: 'Notes' });
  });

  it('says that it is being fetched while it is', async () => {
    const { id } = await post('/slow');
    const fetching = await waitFor('it is being fetched', async () => {
      const { body } = await client.get(`${documents}/${id}`);
      return body.stage === 'fetching' && release.length > 0 && body;
    });
    expect(fetching).toMatchObject({ status: 'parsing', is_terminal: false });
    release.pop()?.();
    expect(await documentReady(client, id)).toMatchObject({ stage: null });
  });

  it('is tried again after trouble that may pass', async () => {
    const ready = await documentReady(client, (await post('/flaky')).id);
    expect(ready).toMatchObject({ status: 'ready', error: null });
    expect(site.paths().filter((path) => path === '/flaky')).toHaveLength(2);
  });

  it.each([
    ['/nothing', 'url_not_found'],
    ['/secret/x', 'robots_denied'],
    ['/large', 'url_too_large'],
  ])('%s fails with %s', async (path, code) => {
    const { id } = await post(path);
    const failed = await documentEnded(client, id);
    expect(failed).toMatchObject({
      status: 'failed',
      error: { code, retryable: false, detail: expect.stringMatching(/^\S.+\.$/) },
    });
    expect(site.paths()).not.toContain('/secret/x');
    expect(await service.sql.query('select 1 from blob_parts where document_id = $1', [id])).toEqual([]);
  });
});

describe('the same URL again', () => {
  const name = { external_id: 'page' };

  it('is unchanged when its server says so, or gives the same bytes; nothing is parsed or embedded', async () => {
    const first = await documentReady(client, (await post('/page', name)).id);
    const chunks = (await client.get(first.links.chunks)).body.items;
    for (const remembers of [true, false]) {
      tagged = remembers;
      const again = await documentReady(client, (await post('/page', name)).id);
      expect(again).toMatchObject({ id: first.id, version: 1, live_version: 1, status: 'ready' });
    }
    tagged = true;
    expect(await versionsOf(first.id)).toHaveLength(1);
    expect((await client.get(first.links.chunks)).body.items).toEqual(chunks);
    const blobs = await service.sql.query('select version from blob_parts where document_id = $1', [
      first.id,
    ]);
    expect(blobs).toEqual([{ version: 1 }]);
  });

  it('is the next version when it changed, or when something else is said of it', async () => {
    said = html('Quokkas', 'Quokkas smile at cameras.');
    const changed = await documentReady(client, (await post('/page', name)).id);
    expect(changed).toMatchObject({ version: 2, live_version: 2 });
    const { hits } = (await client.post('/api/v1/search', { q: 'cameras', search_mode: 'bm25' })).body;
    expect(hits.map((hit: Json) => hit.document_id)).toContain(changed.id);
    const renamed = await documentReady(client, (await post('/page', { ...name, title: 'Smiles' })).id);
    expect(renamed).toMatchObject({ version: 3, live_version: 3, title: 'Smiles' });
  });

  it('is unchanged in a batch too, beside other items', async () => {
    const url = (path: string) => ({ url: `${site.url}${path}` });
    const items = [
      { ...url('/page'), ...name, title: 'Smiles' },
      url('/moved'),
      url('/nothing'),
      { text: 'x' },
    ];
    const reply = await client.post('/api/v1/ingestion-batches', { items });
    expect(reply.status, reply.text).toBe(202);
    const { counts, links } = await ended(client, reply.body.links.self);
    expect(counts).toMatchObject({ total: 4, unchanged: 1, completed: 2, failed: 1 });
    const rows = (await client.get(links.items)).body.items;
    expect(rows.map((row: Json) => row.status)).toEqual(['unchanged', 'completed', 'failed', 'completed']);
    expect(rows[2].error.code).toBe('url_not_found');
    const versions = await versionsOf(rows[0].document_id);
    expect(versions.map((version: Json) => version.version)).toEqual([3, 2, 1]);
  });

  it('posted while it waits is the same work', async () => {
    const replies = await Promise.all(
      [1, 2, 3, 4].map(() => client.post(documents, { url: `${site.url}/notes.md` })),
    );
    expect(new Set(replies.map(({ body }) => body.id)).size).toBe(1);
    const ready = await documentReady(client, replies[0]?.body.id);
    expect(ready.status).toBe('ready');
  });
});

describe('URLs that are not fetched', () => {
  it.each([
    ['https://user:secret@example.org/', 'validation_failed'],
    ['ftp://example.org/', 'validation_failed'],
    [`https://example.org/${'x'.repeat(600)}`, 'validation_failed'],
    ['http://169.254.169.254/latest/meta-data/', 'url_refused'],
    ['http://[::ffff:127.0.0.1]/', 'url_refused'],
    ['http://[fd00:ec2::254]/', 'url_refused'],
  ])('%s is refused at once: %s', async (url, code) => {
    const reply = await client.post(documents, { url });
    expect([reply.status, reply.body.code]).toEqual([422, code]);
    expect(reply.body.errors[0].pointer).toMatch(/^\/(url|external_id)$/);
    expect(reply.text).not.toContain('secret');
    const batch = await client.post('/api/v1/ingestion-batches', { items: [{ text: 'x' }, { url }] });
    expect(batch.body.errors[0].pointer).toMatch(/^\/items\/1\/(url|external_id)$/);
  });

  it('text and url at once are refused', async () => {
    const reply = await client.post(documents, { text: 'x', url: `${site.url}/page` });
    expect(reply.body).toMatchObject({ code: 'validation_failed', errors: [{ pointer: '/url' }] });
  });
});
