import { startStandalone } from '../../workers/standalone.ts';
import { type Client, createClient, type Json } from './http.ts';
import { openSql, type Sql } from './sql.ts';
import { createStores } from './stores.ts';
import { waitFor } from './wait-for.ts';

export type { Client, Json, Reply } from './http.ts';

export interface TestService {
  url: string;
  adminKey: string;
  admin: Client;
  /** Without a key. */
  anonymous: Client;
  /** The rows behind it. */
  sql: Sql;
  stop(): Promise<void>;
}

/** The whole service in stores of its own on a free port, silent. Ask for one a file: it takes about 0.6 GB. */
export async function startService(environment: Record<string, string> = {}): Promise<TestService> {
  const stores = await createStores();
  const started = await startStandalone({
    PORT: '0',
    LOG_LEVEL: 'silent',
    ...stores.environment,
    ...environment,
  }).catch(async (error) => {
    await stores.remove();
    throw error;
  });
  const sql = openSql(stores.connection);
  return {
    url: started.url,
    adminKey: started.adminKey,
    admin: createClient(started.url, started.adminKey),
    anonymous: createClient(started.url),
    sql,
    stop: async () => {
      await sql.close();
      await started.stop();
      await stores.remove();
    },
  };
}

export interface NewKey {
  scope: 'read' | 'write' | 'admin';
  permissions?: string[];
  allowed_ips?: string[];
  rate_limit?: number;
  expires_days?: number;
  budget_usd_per_day?: number;
  assistant_id?: string;
}

/** A key, a client that uses it, and what the service says of it. */
export async function createKey(
  { admin, url }: TestService,
  options: NewKey,
): Promise<{ key: string; id: string; client: Client }> {
  const reply = await admin.post('/api/v1/admin/api-keys', {
    name: `${options.scope} key of a test`,
    rate_limit: 1_000_000,
    ...options,
  });
  if (reply.status !== 201) throw new Error(`no key: ${reply.text}`);
  const key: string = reply.body.api_key;
  return { key, id: reply.body.key_info.id, client: createClient(url, key) };
}

/** Adds a document given as text and waits until search can find it. */
export async function addDocument(client: Client, document: Record<string, unknown>): Promise<Json> {
  const reply = await client.post('/api/v1/documents', document);
  if (reply.status !== 202) throw new Error(`not accepted: ${reply.text}`);
  return documentReady(client, reply.body.id);
}

/** Adds many in one batch; returns them in order once all can be found. */
export async function addDocuments(client: Client, items: Record<string, unknown>[]): Promise<Json[]> {
  const reply = await client.post('/api/v1/ingestion-batches', { items });
  if (reply.status !== 202) throw new Error(`not accepted: ${reply.text}`);
  const { links } = reply.body;
  const { counts } = await waitFor('the batch has ended', async () => {
    const { body } = await client.get(links.self);
    return body.is_terminal && body;
  });
  if (counts.completed !== items.length) throw new Error(`not all completed: ${JSON.stringify(counts)}`);
  const rows = (await client.get(`${links.items}?limit=200`)).body.items;
  return Promise.all(
    rows.map(async (row: Json) => (await client.get(`/api/v1/documents/${row.document_id}`)).body),
  );
}

/** The document once it is ready; throws when it ended otherwise. */
export async function documentReady(client: Client, id: string): Promise<Json> {
  const document = await documentEnded(client, id);
  if (document.status !== 'ready') throw new Error(`not ready: ${JSON.stringify(document)}`);
  return document;
}

/** The document once it has ended, whichever way. */
export function documentEnded(client: Client, id: string): Promise<Json> {
  return ended(client, `/api/v1/documents/${id}`);
}

/** The answer once it has ended, whichever way. */
export async function ask(client: Client, request: Record<string, unknown>): Promise<Json> {
  const reply = await client.post('/api/v1/answers', request);
  if (reply.status !== 202) throw new Error(`not accepted: ${reply.text}`);
  return ended(client, reply.body.links.self);
}

/** Any resource with `is_terminal`, once that is true. */
export function ended(client: Client, path: string, withinMs = 90_000): Promise<Json> {
  return waitFor(
    `${path} has ended`,
    async () => {
      const { status, body, text } = await client.get(path);
      if (status !== 200) throw new Error(`${path}: ${text}`);
      return body.is_terminal && body;
    },
    { withinMs },
  );
}

/** The service's database has so many rows in each of these tables. */
export async function countRows(sql: Sql, tables: readonly string[]): Promise<Record<string, number>> {
  const columns = tables.map((table) => `(select count(*)::int from ${table}) as ${table}`);
  const [row] = await sql.query<Record<string, number>>(`select ${columns.join(', ')}`);
  return row as Record<string, number>;
}
