import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCallers } from '../../src/callers/callers.ts';
import { createPermits } from '../../src/callers/permits.ts';
import { readConfig } from '../../src/config.ts';
import { sweepAudit } from '../../src/db/audit.ts';
import { generateKey, hashKey } from '../../src/keys.ts';
import { createLog } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import { loadSecrets } from '../../src/secrets.ts';
import { type Foundation, openApi, openFoundation } from '../../src/service.ts';
import { createShutdown, type Shutdown } from '../../src/shutdown.ts';
import { type Client, createClient, type Json } from '../support/http.ts';
import { createKey, type NewKey, type TestService } from '../support/service.ts';
import { openSql, type Sql } from '../support/sql.ts';
import { createStores, type Stores } from '../support/stores.ts';
import { waitFor } from '../support/wait-for.ts';

const keys = '/api/v1/admin/api-keys';
const audit = '/api/v1/admin/audit';
const flags = '/api/v1/admin/flags';
/** Any route that takes a read key. */
const cheap = '/api/v1/operations/00000000-0000-4000-8000-000000000000';

/** Two doors over the same rows, which know of each other no more than two processes do; the second stands behind a proxy. */
let stores: Stores;
let foundation: Foundation;
let shutdown: Shutdown;
let sql: Sql;
let first: TestService;
let second: TestService;

beforeAll(async () => {
  stores = await createStores();
  const environment = { ...stores.environment, PORT: '0' };
  const log = createLog('silent');
  shutdown = createShutdown(log, 20);
  foundation = await openFoundation(readConfig(environment), log, shutdown);
  sql = openSql(stores.connection);
  first = await openDoor(foundation);
  const config = readConfig({ ...environment, TRUST_PROXY: '1', CORS_ORIGINS: 'https://app.example.org' });
  second = await openDoor({ ...foundation, config, metrics: createMetrics() });
});
afterAll(async () => {
  await sql.close();
  await shutdown.run();
  await stores.remove();
});

async function openDoor(standing: Foundation): Promise<TestService> {
  const { url, adminKey } = await openApi(standing);
  return {
    ...{ url, adminKey, sql },
    admin: createClient(url, adminKey),
    anonymous: createClient(url),
    stop: () => shutdown.run(),
  };
}

/** A key and what it gets at both doors: 404 when it is let in, since what it asks for is not there. */
async function keyOfBoth(options: Partial<NewKey> & { burst?: number } = {}) {
  const made = await createKey(first, { scope: 'read', ...options });
  const clients = [made.client, createClient(second.url, made.key)] as const;
  return { ...made, clients, statuses: () => Promise.all(clients.map(statusOf)) };
}

const statusOf = async (client: Client) => (await client.get(cheap)).status;

describe('a key', () => {
  it('is in force at every door as soon as it is made, and nowhere a second after it was revoked', async () => {
    const { id, clients, statuses } = await keyOfBoth();
    expect(await statuses()).toEqual([404, 404]);
    expect((await first.admin.delete(`${keys}/${id}`)).status).toBe(200);
    const revokedAt = performance.now();
    expect(await statusOf(clients[0]), 'where it was revoked').toBe(401);
    let lastAcceptedAt = revokedAt;
    await waitFor('the other door refuses it', async () => {
      const startedAt = performance.now();
      const status = await statusOf(clients[1]);
      if (status !== 401) lastAcceptedAt = startedAt;
      return status === 401;
    });
    expect(lastAcceptedAt - revokedAt).toBeLessThan(1000);
  });

  it('that is mistyped is known without the database', async () => {
    const { key } = await createKey(first, { scope: 'read' });
    const statements: string[] = [];
    const listen = ({ sql: text }: { sql: string }) => statements.push(text);
    foundation.db.on('query', listen);
    const last = key.at(-1) === 'a' ? 'b' : 'a';
    const swapped = key.replace(/(.)(.)(.{20})$/, '$2$1$3');
    const wrong = [key.slice(0, -1) + last, swapped === key ? `${key}x` : swapped, `${key}0`, 'dtr_test_x'];
    const replies = [];
    for (const one of wrong) replies.push(await createClient(first.url, one).get(cheap));
    foundation.db.removeListener('query', listen);
    expect(replies.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
    expect(replies[0]?.body.detail).toContain('checksum');
    expect(statements.filter((text) => text.includes('key_hash'))).toEqual([]);
  });

  it('of the form before ids goes on working, and gets one when it is rotated', async () => {
    const { secretKey } = await loadSecrets(foundation.config);
    const key = `dtr_test_${randomBytes(32).toString('base64url')}`;
    const [row] = await sql.query<{ id: string }>(
      `insert into api_keys (name, scope, rate_limit, key_hash, key_prefix, created_by)
       values ('of long ago', 'read', 1000, $1, 'dtr_test_abcd…', 'somebody') returning id`,
      [hashKey(key, secretKey)],
    );
    const id = row?.id as string;
    const client = createClient(first.url, key);
    expect(await statusOf(client)).toBe(404);
    const rotated = await first.admin.post(`${keys}/${id}/rotate`, { overlap_seconds: 600 });
    expect(rotated.body.key_info).toMatchObject({ id, name: 'of long ago' });
    expect(rotated.body.api_key).toMatch(/^dtr_test_[0-9A-Za-z]{22}_[0-9A-Za-z]{49}$/);
    expect(await statusOf(createClient(first.url, rotated.body.api_key))).toBe(404);
    expect(await statusOf(client), 'while the overlap lasts').toBe(404);
    await sql.query('update api_keys set previous_until = now() where id = $1', [id]);
    await waitFor('the overlap has ended', async () => (await statusOf(client)) === 401);
  });

  it('gets another secret by rotation, and stays what it was', async () => {
    const { id, key, client } = await keyOfBoth({ rate_limit: 500 });
    expect(await statusOf(client)).toBe(404);
    const overlapping = await first.admin.post(`${keys}/${id}/rotate`, {});
    const { api_key: next, key_info: info } = overlapping.body;
    expect(overlapping.headers.get('cache-control')).toBe('no-store');
    expect(info).toMatchObject({ id, rate_limit: 500, status: 'active' });
    expect(Date.parse(info.previous_until) - Date.parse(info.rotated_at)).toBe(86_400_000);
    expect(next).not.toBe(key);
    expect(await statusOf(createClient(first.url, next))).toBe(404);
    expect(await statusOf(createClient(second.url, next))).toBe(404);
    expect(await statusOf(client)).toBe(404);
    const leaked = await first.admin.post(`${keys}/${id}/rotate`, { overlap_seconds: 0 });
    expect(leaked.body.key_info.previous_until).toBeNull();
    expect(await statusOf(client)).toBe(401);
    expect(await statusOf(createClient(first.url, next))).toBe(401);
    expect(await statusOf(createClient(first.url, leaked.body.api_key))).toBe(404);
    await waitFor('usage goes on', async () => {
      const { hours } = (await first.admin.get(`${keys}/${id}/usage`)).body;
      return hours.reduce((sum: number, { requests }: Json) => sum + requests, 0) === 5;
    });
  });

  it('can be changed, but not once it is revoked', async () => {
    const { id, client } = await keyOfBoth({ rate_limit: 2 });
    const patch = (json: object) => first.admin.call('PATCH', `${keys}/${id}`, { json });
    expect([await statusOf(client), await statusOf(client), await statusOf(client)]).toEqual([404, 404, 429]);
    expect((await patch({ rate_limit: 1000, burst: 7, name: 'renamed' })).body).toMatchObject({
      ...{ id, rate_limit: 1000, burst: 7, name: 'renamed', scope: 'read' },
    });
    expect(await statusOf(client), 'a higher limit holds at once').toBe(404);
    expect((await patch({ allowed_ips: ['10.0.0.0/8'] })).status).toBe(200);
    expect(await statusOf(client)).toBe(403);
    expect((await patch({ allowed_ips: [], scope: 'admin', burst: null })).body.burst).toBe(50);
    expect((await client.get(keys)).status).toBe(200);
    const limited = await patch({ expires_days: 3 });
    expect(Date.parse(limited.body.expires_at) - Date.now()).toBeGreaterThan(2.9 * 86_400_000);
    expect((await patch({ expires_days: null })).body.expires_at).toBeNull();
    for (const wrong of [{}, { rate_limit: 0 }, { scope: 'root' }, { key_hash: 'x' }])
      expect((await patch(wrong)).status, JSON.stringify(wrong)).toBe(422);
    await first.admin.delete(`${keys}/${id}`);
    expect(await patch({ name: 'back' })).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect((await first.admin.post(`${keys}/${id}/rotate`, {})).status).toBe(409);
  });

  it('is listed in pages', async () => {
    for (let n = 0; n < 3; n++) await createKey(first, { scope: 'read' });
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body }: Json = await first.admin.get(`${keys}?limit=2${cursor && `&cursor=${cursor}`}`);
      expect(body.items.length).toBeLessThanOrEqual(2);
      seen.push(...body.items.map(({ id }: Json) => id));
      cursor = body.next_cursor;
    }
    const rows = await sql.query<{ id: string }>('select id from api_keys order by created_at desc, id desc');
    expect(seen).toEqual(rows.map(({ id }) => id));
  });
});

describe('limits', () => {
  it('of the hour are shared by all doors, and told', async () => {
    const { clients, id } = await keyOfBoth({ rate_limit: 10 });
    const replies = await Promise.all(
      Array.from({ length: 30 }, (_, n) => (clients[n % 2] as Client).get(cheap)),
    );
    expect(replies.filter(({ status }) => status === 404)).toHaveLength(10);
    const refused = replies.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(20);
    const { headers, body } = refused[0] as Json;
    expect(body).toMatchObject({ code: 'rate_limited', retryable: true });
    expect(headers.get('ratelimit-policy')).toBe('"hour";q=10;w=3600, "burst";q=50;w=1');
    expect(headers.get('ratelimit')).toMatch(/^"hour";r=0;t=\d+, "burst";r=\d+;t=1$/);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    await waitFor('both doors have written what came', async () => {
      const [hour] = (await first.admin.get(`${keys}/${id}/usage`)).body.hours;
      return hour?.requests === 30 && hour.limited === 20 && hour.by_status['4xx'] === 30;
    });
    expect((await first.admin.get(`${keys}/${id}`)).body.last_used_at).not.toBeNull();
  });

  it('of the hour are never exceeded by blocks, and what was not used can be taken by others', async () => {
    const { id } = await createKey(first, { scope: 'read', rate_limit: 5000 });
    const limits = { id, rateLimit: 5000, burst: 100_000 };
    const processes = [0, 1, 2].map(() => createPermits(foundation.db));
    const takeAll = async (permits: (typeof processes)[number], count: number) => {
      const verdicts = await Promise.all(Array.from({ length: count }, () => permits.take(limits)));
      return verdicts.filter(({ refusedBy }) => refusedBy === undefined).length;
    };
    const many = await Promise.all(processes.map((permits) => takeAll(permits, 1333)));
    // A block has five permits: one is used, four stay in hand.
    const one = await Promise.all(processes.map((permits) => takeAll(permits, 1)));
    expect([many, one]).toEqual([
      [1333, 1333, 1333],
      [1, 1, 1],
    ]);
    await processes[0]?.close();
    await processes[1]?.close();
    const rest = createPermits(foundation.db);
    expect(await takeAll(rest, 2000)).toBe(5000 - 3 * 1334 - 4);
    expect((await rest.take(limits)).refusedBy).toBe('hour');
  });

  it('of the second stop what comes at once', async () => {
    const { clients } = await keyOfBoth({ burst: 5 });
    const startedAt = performance.now();
    const replies = await Promise.all(
      Array.from({ length: 60 }, (_, n) => (clients[n % 2] as Client).get(cheap)),
    );
    const seconds = (performance.now() - startedAt) / 1000;
    const accepted = replies.filter(({ status }) => status === 404).length;
    expect(accepted).toBeGreaterThanOrEqual(5);
    expect(accepted).toBeLessThanOrEqual(5 + Math.ceil(seconds * 5) + 1);
    const refused = replies.find(({ status }) => status === 429);
    expect(refused?.body.detail).toBe('This API key may make 5 requests per second.');
    expect(refused?.headers.get('retry-after')).toBe('1');
    await waitFor('the bucket fills again', async () => (await statusOf(clients[0])) === 404);
  });

  it('do not hold for the admin of the environment', async () => {
    const replies = await Promise.all(Array.from({ length: 120 }, () => first.admin.get(cheap)));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([404]));
  });
});

describe('addresses', () => {
  const from = (forwarded: string) => ({ headers: { 'X-Forwarded-For': forwarded } });

  it('are those that the declared proxies saw, whatever the caller claims', async () => {
    const { clients } = await keyOfBoth({ allowed_ips: ['192.0.2.0/24', '2001:db8::/32'] });
    const status = async (forwarded: string, door = 1) =>
      (await (clients[door] as Client).get(cheap, from(forwarded))).status;
    expect(await status('192.0.2.7')).toBe(404);
    expect(await status('203.0.113.9, 192.0.2.7')).toBe(404);
    expect(await status('2001:db8::1')).toBe(404);
    expect(await status('192.0.2.7, 203.0.113.9'), 'only the last was written by our proxy').toBe(403);
    expect(await status('192.0.2.7,192.0.2.7, 127.0.0.1')).toBe(403);
    expect(await status('no address')).toBe(403);
    expect(await status('192.0.2.7', 0), 'no proxy is declared').toBe(403);
  });

  it('that send wrong keys are told to stop, and a right one is heard all the same', async () => {
    const { clients } = await keyOfBoth();
    const known = clients[1];
    const wrong = (forwarded: string) =>
      createClient(second.url, generateKey('testing')).get(cheap, from(forwarded));
    const replies = await Promise.all(Array.from({ length: 40 }, () => wrong('198.51.100.1')));
    const refused = replies.filter(({ status }) => status === 429);
    expect(replies.filter(({ status }) => status === 401).length).toBeGreaterThanOrEqual(20);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]?.body).toMatchObject({ code: 'too_many_wrong_keys', retryable: true });
    expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect((await known.get(cheap, from('198.51.100.1'))).status).toBe(404);
    const made = await createKey(first, { scope: 'read' });
    const fresh = createClient(second.url, made.key);
    expect((await fresh.get(cheap, from('198.51.100.1'))).status, 'one that is new here').toBe(404);
    expect((await wrong('198.51.100.2')).status, 'another address').toBe(401);
  });

  it('that send wrong keys get one statement at a time, whatever comes', async () => {
    const running = new Set<string>();
    let most = 0;
    let looks = 0;
    type Query = { sql: string; __knexQueryUid: string };
    const begin = ({ sql: text, __knexQueryUid: id }: Query) => {
      if (!text.includes('key_hash')) return;
      running.add(id);
      looks += 1;
      most = Math.max(most, running.size);
    };
    const end = (_response: unknown, { __knexQueryUid: id }: Query) => void running.delete(id);
    foundation.db.on('query', begin).on('query-response', end);
    const replies = await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        createClient(second.url, generateKey('testing')).get(cheap, from(`203.0.113.${n}`)),
      ),
    );
    foundation.db.removeListener('query', begin).removeListener('query-response', end);
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([401]));
    expect([most, looks > 0]).toEqual([1, true]);
  });
});

describe('the audit log', () => {
  const entries = async (query: string): Promise<Json[]> =>
    (await first.admin.get(`${audit}?${query}`)).body.items;

  it('tells who changed a key, and what it was before, without the secret', async () => {
    const { client, key, id: actor } = await keyOfBoth({ scope: 'admin' });
    const made = await client.post(keys, { name: 'audited', scope: 'read' });
    const target = `${keys}/${made.body.key_info.id}`;
    await client.call('PATCH', target, { json: { name: 'renamed' } });
    const rotated = await client.post(`${target}/rotate`, {});
    await client.delete(target);
    const all = await entries(`target=${target}`);
    expect(all.map(({ method, target: of }) => [method, of])).toEqual([
      ['DELETE', target],
      ['POST', `${target}/rotate`],
      ['PATCH', target],
      ['POST', target],
    ]);
    for (const entry of all)
      expect(entry).toMatchObject({
        actor: { id: actor, name: 'admin key of a test', ip: expect.stringContaining('127.0.0.1') },
        error: null,
      });
    expect(all[3]).toMatchObject({
      before: null,
      after: { name: 'audited' },
      request_id: made.headers.get('x-request-id'),
    });
    expect(all[2]).toMatchObject({ before: { name: 'audited' }, after: { name: 'renamed' } });
    expect(all[0]).toMatchObject({ before: { status: 'active' }, after: { status: 'revoked' } });
    const rows = JSON.stringify(await sql.query('select * from audit_log'));
    for (const secret of [key, made.body.api_key, rotated.body.api_key])
      expect(rows).not.toContain(secret.split('_')[3]);
    expect(rows).not.toContain('key_hash');
  });

  it('has flags, caches and deletes by filter, of whoever did it and from when on', async () => {
    const since = new Date().toISOString();
    const { client, id } = await keyOfBoth({ scope: 'admin' });
    await client.put(`${flags}/debate_mode`, { enabled: true, reason: 'a try' });
    await client.post(`${flags}/debate_mode/kill`, { reason: 'enough' });
    await client.post('/admin/cache/clear?pattern=search:*');
    await client.post('/api/v1/documents/delete', { external_id_prefix: 'none-', dry_run: true });
    await client.post('/api/v1/documents/delete', { external_id_prefix: 'none-' });
    const mine = await entries(`actor=${id}&since=${since}`);
    expect(mine.map(({ route }) => route)).toEqual([
      '/api/v1/documents/delete',
      '/api/v1/admin/cache/clear',
      '/api/v1/admin/flags/{key}/kill',
      '/api/v1/admin/flags/{key}',
    ]);
    expect(mine[3]).toMatchObject({ before: { enabled: false }, after: { enabled: true, reason: 'a try' } });
    expect(mine[2]).toMatchObject({ before: { enabled: true }, after: { source: 'kill' } });
    expect(mine[1]).toMatchObject({ after: { pattern: 'search:*', cleared: 0 } });
    expect(mine[0]?.after.selection).toEqual({ external_id_prefix: 'none-' });
    expect(await entries(`actor=${id}&since=2999-01-01T00:00:00Z`)).toEqual([]);
    const page = (await first.admin.get(`${audit}?actor=${id}&limit=3`)).body;
    const next = (await first.admin.get(`${audit}?actor=${id}&limit=3&cursor=${page.next_cursor}`)).body;
    expect([...page.items, ...next.items].map((entry: Json) => entry.id)).toEqual(
      mine.map((entry) => entry.id),
    );
    expect((await first.admin.get(`${audit}?since=yesterday`)).status).toBe(422);
    const { client: writer } = await createKey(first, { scope: 'write' });
    expect((await writer.get(audit)).status).toBe(403);
  });

  it('has no entry for what was refused, and there is no change without its entry', async () => {
    const { client, id } = await keyOfBoth({ scope: 'admin' });
    expect((await client.post(keys, { name: '', scope: 'read' })).status).toBe(422);
    expect((await client.put(`${flags}/no_such_flag`, { enabled: true, reason: 'x' })).status).toBe(404);
    expect(await entries(`actor=${id}`)).toEqual([]);
    await sql.query(`alter table audit_log add constraint nothing_goes check (false) not valid`);
    try {
      expect((await client.post(keys, { name: 'unseen', scope: 'read' })).status).toBe(500);
      expect((await client.put(`${flags}/mcp_tools`, { enabled: true, reason: 'x' })).status).toBe(500);
    } finally {
      await sql.query('alter table audit_log drop constraint nothing_goes');
    }
    expect(await sql.query(`select from api_keys where name = 'unseen'`)).toEqual([]);
    expect(await sql.query(`select from flag_overrides where key = 'mcp_tools'`)).toEqual([]);
  });
});

describe('what is kept', () => {
  it('of the audit log is as long as configured', async () => {
    await sql.query(
      `insert into audit_log (at, actor_id, actor_name, method, route, target, request_id)
       select now() - days * interval '1 day', gen_random_uuid(), 'long ago', 'DELETE', '/', '/', 'x' from unnest(array[364, 366]) days`,
    );
    expect(await sweepAudit(foundation.db, 365)).toBe(1);
    expect(await sql.query(`select from audit_log where actor_name = 'long ago'`)).toHaveLength(1);
  });

  it('in memory of the use of keys is written when the process stops', async () => {
    const { id } = await createKey(first, { scope: 'read', rate_limit: 5000 });
    const callers = openCallers(foundation.db, foundation.log, foundation.config);
    expect((await callers.permits.take({ id, rateLimit: 5000, burst: 100 })).refusedBy).toBeUndefined();
    callers.use.requested(id, false);
    callers.use.ended(id, 204);
    await callers.close();
    const [hour] = (await first.admin.get(`${keys}/${id}/usage`)).body.hours;
    expect(hour).toMatchObject({ requests: 1, limited: 0, by_status: { '2xx': 1, '4xx': 0 } });
    const taken = await sql.query('select taken from api_key_permits where api_key_id = $1', [id]);
    expect(taken, 'four of the block of five are given back').toEqual([{ taken: 1 }]);
  });
});

describe('browsers', () => {
  const origin = 'https://app.example.org';
  const preflight = (door: TestService, from: string) =>
    door.anonymous.call('OPTIONS', '/api/v1/search', {
      headers: {
        Origin: from,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'x-api-key',
      },
    });

  it('may call from the listed origins alone', async () => {
    const allowed = await preflight(second, origin);
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe(origin);
    expect(allowed.headers.get('access-control-allow-headers')).toContain('X-API-Key');
    expect(allowed.headers.get('access-control-allow-credentials')).toBeNull();
    expect(allowed.headers.get('vary')).toContain('Origin');
    const reply = await second.admin.get(cheap, { headers: { Origin: origin } });
    expect(reply.headers.get('access-control-allow-origin')).toBe(origin);
    expect(reply.headers.get('access-control-expose-headers')).toContain('RateLimit');
    const other = await preflight(second, 'https://evil.example.org');
    expect(other.headers.get('access-control-allow-origin')).toBeNull();
    const off = await preflight(first, origin);
    expect([off.status, off.headers.get('access-control-allow-origin')]).toEqual([405, null]);
  });

  it('see a board that only shows, and never too much at once', async () => {
    const headers = { Authorization: `Basic ${btoa(`x:${first.adminKey}`)}` };
    const board = (method: string, path: string) =>
      first.anonymous.call(method, `/admin/queues/api/queues${path}`, { headers });
    const shown = await board('GET', '');
    expect(shown.body.queues.map(({ readOnlyMode }: Json) => readOnlyMode)).not.toContain(false);
    expect((await board('PUT', '/learning/pause')).status).toBe(403);
    expect((await board('GET', '?activeQueue=answer&jobsPerPage=100000')).status).toBe(422);
  });
});
