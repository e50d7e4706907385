import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ipAllowed } from '../../src/api/auth.ts';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { openApi, openFoundation } from '../../src/service.ts';
import { createShutdown, type Shutdown } from '../../src/shutdown.ts';
import { createClient } from '../support/http.ts';
import { createKey, type TestService } from '../support/service.ts';
import { openSql } from '../support/sql.ts';
import { createStores } from '../support/stores.ts';
import { holdsHere, onlyWhere } from '../support/tier.ts';
import { waitFor } from '../support/wait-for.ts';

/** Every line that the service logs at the most talkative level. */
let logged = '';
let dataDir: string;
let service: TestService;
let shutdown: Shutdown;

beforeAll(async () => {
  const stores = await createStores();
  dataDir = stores.dataDir;
  const config = readConfig({ ...stores.environment, PORT: '0', LOG_LEVEL: 'trace' });
  const keepLines = new Writable({
    write: (chunk, _encoding, done) => {
      logged += chunk;
      done();
    },
  });
  const log = createLog(config.LOG_LEVEL, keepLines);
  shutdown = createShutdown(log, 20);
  // The door alone: keys need no worker.
  const { url, adminKey, adminKeyIsNew } = await openApi(await openFoundation(config, log, shutdown));
  expect(adminKeyIsNew).toBe(holdsHere('secrets are made at first start'));
  const sql = openSql(stores.connection);
  service = {
    ...{ url, adminKey, sql },
    admin: createClient(url, adminKey),
    anonymous: createClient(url),
    stop: async () => {
      await sql.close();
      await shutdown.run();
      await stores.remove();
    },
  };
});
afterAll(() => service.stop());

const documents = '/api/v1/documents';
const keys = '/api/v1/admin/api-keys';

describe('who may do what', () => {
  it('lets a read key read, a write key write, and neither more', async () => {
    const { client: reader } = await createKey(service, { scope: 'read' });
    const { client: writer } = await createKey(service, { scope: 'write' });
    expect((await reader.get(documents)).status).toBe(200);
    const refused = await reader.post(documents, { text: 'a text' });
    expect(refused).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    expect(refused.body.detail).toContain('write');
    expect((await writer.post(documents, { text: 'a text' })).status).toBe(202);
    expect((await writer.get(documents)).body.items).toHaveLength(1);
    expect((await writer.get(keys)).status).toBe(403);
    expect((await writer.post(keys, { name: 'mine', scope: 'admin' })).status).toBe(403);
    const { client: administrator } = await createKey(service, { scope: 'admin' });
    expect((await administrator.get(keys)).status).toBe(200);
  });

  it('takes the key as X-API-Key and as Bearer, and nowhere else', async () => {
    const { key } = await createKey(service, { scope: 'read' });
    const { anonymous } = service;
    const status = async (headers: Record<string, string>, path = documents) =>
      (await anonymous.get(path, { headers })).status;
    expect(await status({ 'X-API-Key': key })).toBe(200);
    expect(await status({ Authorization: `Bearer ${key}` })).toBe(200);
    expect(await status({ authorization: `bearer ${key}` })).toBe(200);
    expect(await status({ Authorization: `Basic ${btoa(`x:${key}`)}` })).toBe(401);
    expect(await status({ Authorization: key })).toBe(401);
    expect(await status({ 'X-API-Key': `${key}x` })).toBe(401);
    expect(await status({ 'X-API-Key': key.slice(0, -1) })).toBe(401);
    expect(await status({}, `${documents}?api_key=${key}`)).toBe(401);
    const unknown = await anonymous.get(documents);
    expect(unknown.headers.get('www-authenticate')).toMatch(/^Bearer /);
  });

  it('refuses a revoked key in the very next request, for good', async () => {
    const { client, id } = await createKey(service, { scope: 'write' });
    expect((await client.get(documents)).status).toBe(200);
    const revoked = await service.admin.delete(`${keys}/${id}`);
    expect(revoked.body).toMatchObject({ id, status: 'revoked' });
    expect(await client.get(documents)).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    const again = await service.admin.delete(`${keys}/${id}`);
    expect(again.body.revoked_at).toBe(revoked.body.revoked_at);
    expect((await client.get(documents)).status).toBe(401);
  });

  it('refuses a key past its day', async () => {
    const { client, id } = await createKey(service, { scope: 'read', expires_days: 1 });
    expect((await client.get(documents)).status).toBe(200);
    await service.sql.query(`update api_keys set expires_at = now() where id = $1`, [id]);
    await waitFor('it is refused', async () => (await client.get(documents)).status === 401);
    expect((await service.admin.get(`${keys}/${id}`)).body.status).toBe('expired');
  });

  it('keeps a key to its addresses', async () => {
    const status = async (allowed_ips: string[]) => {
      const { client } = await createKey(service, { scope: 'read', allowed_ips });
      return (await client.get(documents)).status;
    };
    expect(await status(['127.0.0.1'])).toBe(200);
    expect(await status(['10.0.0.0/8', '127.0.0.0/8'])).toBe(200);
    expect(await status(['::ffff:127.0.0.1'])).toBe(200);
    expect(await status(['10.0.0.0/8', '::1'])).toBe(403);
    const { client } = await createKey(service, { scope: 'read', allowed_ips: ['10.0.0.1'] });
    const forwarded = await client.get(documents, { headers: { 'X-Forwarded-For': '10.0.0.1' } });
    expect(forwarded.status, 'no proxy is trusted').toBe(403);
    for (const wrong of ['300.1.1.1', '10.0.0.0/33', 'localhost', '']) {
      const reply = await service.admin.post(keys, { name: 'x', scope: 'read', allowed_ips: [wrong] });
      expect(reply).toMatchObject({ status: 422, body: { errors: [{ pointer: '/allowed_ips/0' }] } });
    }
  });

  it('stops a key at its hourly limit, with the time to wait', async () => {
    const { client, id } = await createKey(service, { scope: 'read', rate_limit: 3 });
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) statuses.push((await client.get(documents)).status);
    expect(statuses).toEqual([200, 200, 200]);
    const over = await client.get(documents);
    expect(over).toMatchObject({ status: 429, body: { code: 'rate_limited', retryable: true } });
    const seconds = Number(over.headers.get('retry-after'));
    expect(seconds).toBeGreaterThanOrEqual(1);
    expect(seconds).toBeLessThanOrEqual(3600);
    const { hours } = (await service.admin.get(`${keys}/${id}/usage`)).body;
    expect(hours.reduce((sum: number, hour: { requests: number }) => sum + hour.requests, 0)).toBe(4);
    const { client: other } = await createKey(service, { scope: 'read', rate_limit: 3 });
    expect((await other.get(documents)).status, 'limits are per key').toBe(200);
  });

  it('counts parallel requests of one key exactly', async () => {
    const { client } = await createKey(service, { scope: 'read', rate_limit: 10 });
    const replies = await Promise.all(Array.from({ length: 25 }, () => client.get(documents)));
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(10);
    expect(replies.filter(({ status }) => status === 429)).toHaveLength(15);
  });
});

describe('a key is a secret', () => {
  it('is shown once and stored as a hash only', async () => {
    const { key, id } = await createKey(service, { scope: 'read' });
    expect(key).toMatch(/^dtr_test_[0-9A-Za-z]{22}_[0-9A-Za-z]{49}$/);
    const shown = [await service.admin.get(keys), await service.admin.get(`${keys}/${id}`)];
    for (const { text } of shown) expect(text).not.toContain(key);
    const secret = key.slice(-49);
    expect(shown[1]?.body.key_prefix).toBe(`${key.slice(0, -49)}…`);
    const [row] = await service.sql.query<Record<string, unknown>>('select * from api_keys where id = $1', [
      id,
    ]);
    expect(JSON.stringify(row)).not.toContain(secret);
    const hash = row?.key_hash as Buffer;
    expect(hash).toHaveLength(32);
    expect(hash.includes(Buffer.from(key))).toBe(false);
    const [found] = await service.sql.query<{ n: number }>(
      `select count(*)::int as n from api_keys k where k::text like '%' || $1 || '%'`,
      [service.adminKey.slice(-20)],
    );
    expect(found?.n).toBe(0);
  });

  it('of the first start is kept in a file of its owner alone', async (test) => {
    onlyWhere(test, 'secrets are made at first start');
    const path = join(dataDir, 'admin-api-key');
    expect((await readFile(path, 'utf8')).trim()).toBe(service.adminKey);
    for (const name of ['admin-api-key', 'secret-key'])
      expect((await stat(join(dataDir, name))).mode & 0o777).toBe(0o600);
  });

  it('is in no log line and no error', async () => {
    const { key, client, id } = await createKey(service, { scope: 'read' });
    const secrets = [key, `${key.slice(0, -1)}?`, service.adminKey];
    await client.get(documents);
    for (const secret of secrets) {
      const headers: Record<string, string>[] = [
        { 'X-API-Key': secret },
        { Authorization: `Bearer ${secret}` },
        { Authorization: `Basic ${btoa(`x:${secret}`)}` },
        { Cookie: `key=${secret}` },
      ];
      for (const header of headers) {
        for (const path of [documents, `${documents}/no-uuid?key=${secret}`, '/admin/queues', '/nowhere']) {
          const reply = await service.anonymous.get(path, { headers: header });
          expect(reply.text).not.toContain(secret);
        }
      }
    }
    await service.admin.delete(`${keys}/${id}`);
    expect(logged.split('\n').length, 'there are lines to look at').toBeGreaterThan(50);
    expect(logged).toContain('"path":"/api/v1/documents"');
    for (const secret of secrets) {
      expect(logged).not.toContain(secret);
      expect(logged).not.toContain(btoa(`x:${secret}`));
    }
    expect(logged).not.toContain('a text');
  });
});

describe('ipAllowed', () => {
  it.each([
    ['127.0.0.1', [], true],
    [undefined, [], true],
    [undefined, ['127.0.0.1'], false],
    ['::ffff:10.1.2.3', ['10.0.0.0/8'], true],
    ['10.1.2.3', ['::ffff:10.1.2.3'], true],
    ['11.1.2.3', ['10.0.0.0/8'], false],
    ['2001:db8::5', ['2001:db8::/32'], true],
    ['2001:db9::5', ['2001:db8::/32'], false],
    ['10.1.2.3', ['2001:db8::/32', '10.1.2.3'], true],
    ['not an address', ['0.0.0.0/0'], false],
  ])('%s under %j: %s', (ip, list, allowed) => {
    expect(ipAllowed(ip, list)).toBe(allowed);
  });
});
