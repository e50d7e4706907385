import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFetcher, type FetcherOptions, type Validators } from '../../../workers/ingestion/fetch-url.ts';
import { openWebSite, type Pages, page, redirectTo, type WebSite } from '../../support/web-site.ts';

const megabyte = 1024 * 1024;
const long = 'A line of a page that is long.\n'.repeat(30_000);
const pages: Pages = {
  '/a.html': page('<p>Tea.</p>', { 'Content-Type': 'text/html; charset=utf-8', ETag: '"one"' }),
  '/long': page(long),
  '/gzip': page(gzipSync(long), { 'Content-Encoding': 'gzip' }),
  '/deflate': page(deflateSync(long), { 'Content-Encoding': 'deflate' }),
  '/br': page(brotliCompressSync(long), { 'Content-Encoding': 'br' }),
  '/zstd': page('x', { 'Content-Encoding': 'zstd' }),
  '/damaged': page(gzipSync(long).subarray(0, 500), { 'Content-Encoding': 'gzip' }),
  '/bomb': page(gzipSync(Buffer.alloc(50 * megabyte)), { 'Content-Encoding': 'gzip' }),
  '/declared': (_request, response) =>
    void response.writeHead(200, { 'Content-Length': 9 * megabyte }).write('x'),
  '/endless': (_request, response) => {
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
    };
    response.on('drain', more);
    more();
  },
  '/silent': () => {},
  '/stalled': (_request, response) => void response.writeHead(200).write('x'),
  '/cut': (_request, response) => {
    response.writeHead(200, { 'Content-Length': 100 });
    response.write('x', () => response.destroy());
  },
  '/empty': page(''),
  '/private/x': page('secret'),
  '/gone': (_request, response) => void response.writeHead(410).end(),
  '/login': (_request, response) => void response.writeHead(401).end(),
  '/broken': (_request, response) => void response.writeHead(503).end(),
  '/to-a': redirectTo('/a.html#part'),
  '/to-private': redirectTo('/private/x'),
  '/1': redirectTo('/2', 301),
  '/2': redirectTo('/3', 307),
  '/3': redirectTo('/4', 308),
  '/4': redirectTo('/5', 303),
  '/5': redirectTo('/a.html'),
  '/0': redirectTo('/1'),
  '/file': redirectTo('file:///etc/passwd'),
  '/credentials': redirectTo('http://user:pass@127.0.0.1/'),
  '/metadata': redirectTo('http://169.254.169.254/latest/meta-data/'),
  '/mapped': redirectTo('http://[::ffff:127.0.0.1]/'),
  '/robots.txt': page(
    'User-agent: other\nUser-agent: dt-rag\nDisallow: /private/\n\nUser-agent: *\nDisallow: /',
  ),
};

let site: WebSite;
let elsewhere: WebSite;
beforeAll(async () => {
  site = await openWebSite(pages);
  elsewhere = await openWebSite({ '/a': page('reached') });
});
afterAll(() => Promise.all([site.close(), elsewhere.close()]));

async function get(url: string, more: Partial<FetcherOptions> = {}, earlier?: Validators) {
  const fetchUrl = createFetcher({
    policy: { on: true, allow: [], reach: 'private-too' },
    userAgent: 'DT-RAG/1.0',
    maxBytes: megabyte,
    timeoutMs: 20_000,
    ...more,
  });
  const parts: Buffer[] = [];
  const store = async (part: Buffer) => void parts.push(part);
  const fetched = await fetchUrl(url, { earlier, store, signal: new AbortController().signal });
  return { fetched, body: Buffer.concat(parts).toString(), parts };
}
const at = (path: string) => `${site.url}${path}`;
const code = (path: string, more: Partial<FetcherOptions> = {}) =>
  get(path.startsWith('/') ? at(path) : path, more).then(
    () => 'fetched',
    (error) => error.code ?? error,
  );

describe('a URL', () => {
  it('is fetched with what the server says of it', async () => {
    const { fetched, body } = await get(at('/to-a'));
    expect(body).toBe('<p>Tea.</p>');
    expect(fetched).toEqual({
      ...{ finalUrl: at('/a.html'), fileName: 'a.html', contentType: 'text/html; charset=utf-8' },
      ...{ etag: '"one"', lastModified: null, bytes: 11 },
      bodyHash: createHash('sha256').update(body).digest('hex'),
    });
    const { headers } = site.seen.at(-1) as (typeof site.seen)[number];
    expect(headers).toMatchObject({ 'user-agent': 'DT-RAG/1.0', host: `127.0.0.1:${site.port}` });
  });

  it.each(['/long', '/gzip', '/deflate', '/br'])('is unpacked, in parts: %s', async (path) => {
    const { body, fetched, parts } = await get(at(path));
    expect(body).toBe(long);
    expect(fetched?.bytes).toBe(long.length);
    expect(parts.map(({ length }) => length)).toEqual([262_144, 262_144, 262_144, long.length - 786_432]);
  });

  it.each([
    ['/bomb', 'url_too_large'],
    ['/declared', 'url_too_large'],
    ['/endless', 'url_too_large'],
    ['/zstd', 'unsupported_format'],
    ['/damaged', 'url_unreachable'],
    ['/cut', 'url_unreachable'],
    ['/empty', 'document_empty'],
    ['/nothing', 'url_not_found'],
    ['/gone', 'url_not_found'],
    ['/login', 'url_forbidden'],
    ['/broken', 'url_unreachable'],
  ])('%s ends with %s', async (path, expected) => {
    expect(await code(path)).toBe(expected);
  });

  it('of a server that says nothing, or stops saying anything, ends', async () => {
    expect(await code('/silent', { timeoutMs: 300 })).toBe('url_unreachable');
    expect(await code('/stalled', { idleMs: 200 })).toBe('url_unreachable');
  });

  it('is left when the job is', async () => {
    const fetchUrl = createFetcher({
      policy: { on: true, allow: [], reach: 'private-too' },
      ...{ userAgent: 'DT-RAG/1.0', maxBytes: megabyte, timeoutMs: 60_000 },
    });
    const job = new AbortController();
    const reason = new Error('the lease is lost');
    const store = async () => job.abort(reason);
    const parts = fetchUrl(at('/endless'), { store, signal: job.signal });
    await expect(parts).rejects.toBe(reason);
  });

  it('that has not changed is not sent again, where it still leads to the same place', async () => {
    const one = { '/x': conditional, '/moved': redirectTo('/x') };
    const server = await openWebSite(one);
    const earlier = { finalUrl: `${server.url}/x`, etag: '"v1"', lastModified: null };
    expect((await get(`${server.url}/x`, {}, earlier)).fetched).toBeUndefined();
    expect((await get(`${server.url}/moved`, {}, earlier)).fetched).toBeUndefined();
    const other = { ...earlier, finalUrl: `${server.url}/y` };
    expect((await get(`${server.url}/x`, {}, other)).fetched?.etag).toBe('"v1"');
    await server.close();
  });
});

const conditional: Pages[string] = (request, response) => {
  const same = request.headers['if-none-match'] === '"v1"';
  response.writeHead(same ? 304 : 200, { ETag: '"v1"' }).end(same ? '' : 'the page');
};

describe('redirects', () => {
  it('are followed five times, each checked like the first', async () => {
    expect((await get(at('/1'))).body).toBe('<p>Tea.</p>');
    for (const path of ['/0', '/file', '/credentials', '/metadata', '/mapped'])
      expect([path, await code(path)]).toEqual([path, 'url_refused']);
    expect(await code('/to-private')).toBe('robots_denied');
    expect(site.paths()).not.toContain('/private/x');
  });

  it('to a host that is not allowed, or to an own network, are refused before anything is sent', async () => {
    const server = await openWebSite({ '/a': redirectTo(`${elsewhere.url}/a`) });
    const resolve = async () => [{ address: '127.0.0.1', family: 4 }];
    const policy = { on: true, allow: ['docs.test'], reach: 'private-too' as const };
    expect(await code(`http://docs.test:${server.port}/a`, { policy, resolve })).toBe('url_refused');
    expect(elsewhere.seen).toEqual([]);
    await server.close();
  });
});

describe('names', () => {
  const policy = { on: true, allow: [], reach: 'public' as const };
  const answering = (...addresses: string[]) => ({
    policy,
    resolve: async () => addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
  });

  it.each([
    [['127.0.0.1']],
    [['10.0.0.1']],
    [['169.254.169.254']],
    [['::1']],
    [['::ffff:127.0.0.1']],
    [['64:ff9b::7f00:1']],
    [['93.184.215.14', '127.0.0.1']],
  ])('that lead to %s are refused', async (addresses) => {
    const before = site.seen.length;
    expect(await code(`http://docs.test:${site.port}/a.html`, answering(...addresses))).toBe('url_refused');
    expect(site.seen).toHaveLength(before);
  });

  it.each(['http://127.0.0.1', 'http://2130706433', 'http://0x7f000001', 'http://[::1]', 'http://localhost'])(
    '%s is refused with the real resolver',
    async (host) => {
      const before = site.seen.length;
      expect(await code(`${host}:${site.port}/a.html`, { policy })).toBe('url_refused');
      expect(site.seen).toHaveLength(before);
    },
  );

  it('are resolved once for a connection, which goes to that address under the name', async () => {
    let asked = 0;
    const resolve = async () => {
      asked += 1;
      return [{ address: '127.0.0.1', family: 4 }];
    };
    const { body } = await get(`http://docs.test:${site.port}/a.html`, { resolve });
    expect(body).toBe('<p>Tea.</p>');
    expect(site.seen.at(-1)?.headers.host).toBe(`docs.test:${site.port}`);
    expect(asked, 'robots.txt and the page').toBe(2);
  });

  it('are what TLS is asked for, and what certificates are held against', async () => {
    const hello: Buffer[] = [];
    const server = createServer((socket) => {
      socket.on('data', (bytes) => {
        hello.push(bytes);
        socket.destroy();
      });
      socket.on('error', () => {});
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const resolve = async () => [{ address: '127.0.0.1', family: 4 }];
    expect(await code(`https://docs.test:${port}/`, { resolve })).toBe('url_unreachable');
    expect(Buffer.concat(hello).includes('docs.test')).toBe(true);
    server.close();
  });

  it('that nobody knows are unreachable', async () => {
    const resolve = async () => {
      throw Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' });
    };
    expect(await code('http://docs.test/', { resolve })).toBe('url_unreachable');
  });
});

describe('robots.txt', () => {
  const withRobots = async (robots: Pages[string] | undefined, path = '/a', userAgent = 'DT-RAG/1.0') => {
    const server = await openWebSite({ '/a': page('a'), ...(robots && { '/robots.txt': robots }) });
    const outcome = await code(`${server.url}${path}`, { userAgent });
    await server.close();
    return outcome;
  };
  const status =
    (number: number): Pages[string] =>
    (_request, response) =>
      void response.writeHead(number).end();

  it('is respected for the name we go by', async () => {
    expect(await code('/private/x')).toBe('robots_denied');
    expect(await code('/a.html', { userAgent: 'Another/1.0' }), 'as everybody').toBe('robots_denied');
  });

  it('that is missing or forbidden allows all, one in trouble is asked later', async () => {
    expect(await withRobots(undefined)).toBe('fetched');
    expect(await withRobots(status(403))).toBe('fetched');
    expect(await withRobots(status(503))).toBe('url_unreachable');
    expect(await withRobots(status(429))).toBe('url_unreachable');
  });

  it('is read once for many pages', async () => {
    const server = await openWebSite({ '/a': page('a'), '/b': page('b') });
    const fetchUrl = createFetcher({
      policy: { on: true, allow: [], reach: 'private-too' },
      ...{ userAgent: 'DT-RAG/1.0', maxBytes: megabyte, timeoutMs: 20_000 },
    });
    const request = { store: async () => {}, signal: new AbortController().signal };
    for (const path of ['/a', '/b', '/a']) await fetchUrl(`${server.url}${path}`, request);
    expect(server.seen.filter(({ url }) => url === '/robots.txt')).toHaveLength(1);
    await server.close();
  });

  it('of names and rules beyond counting costs no more than its length', async () => {
    const names = Array.from({ length: 15_000 }, (_, n) => `user-agent: a${n}`).join('\n');
    const rules = 'disallow: /a\n'.repeat(15_000);
    expect(await withRobots(page(`${names}\n${rules}`))).toBe('fetched');
    expect(await withRobots(page(`${names}\nuser-agent: DT-RAG\n${rules}`))).toBe('robots_denied');
  });
});
