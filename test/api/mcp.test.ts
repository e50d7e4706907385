import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Client as McpClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handbook } from '../support/handbook.ts';
import {
  addDocuments,
  createKey,
  documentReady,
  type Json,
  startService,
  type TestService,
} from '../support/service.ts';

let service: TestService;
let keys: { read: string; write: string; finance: string };

beforeAll(async () => {
  service = await startService();
  await addDocuments(service.admin, handbook);
  const key = async (scope: 'read' | 'write', permissions: string[] = []) =>
    (await createKey(service, { scope, permissions })).key;
  keys = {
    read: await key('read'),
    write: await key('write'),
    finance: await key('read', ['taxonomy:Finance']),
  };
});
afterAll(() => service.stop());

async function connect(key: string): Promise<McpClient> {
  const client = new McpClient({ name: 'a test', version: '1.0.0' });
  const transport = new StreamableHTTPClientTransport(new URL('/mcp', service.url), {
    requestInit: { headers: { Authorization: `Bearer ${key}` } },
  });
  await client.connect(transport as Parameters<typeof client.connect>[0]);
  return client;
}

/** The result of a tool; tests read fields of many shapes. */
async function call(client: McpClient, name: string, given: Record<string, unknown>): Promise<Json> {
  return client.callTool({ name, arguments: given });
}

const named = async (client: McpClient) => (await client.listTools()).tools.map(({ name }) => name).sort();

describe('the service as an MCP server', () => {
  it('offers what the scope of the key allows', async () => {
    const [reader, writer] = [await connect(keys.read), await connect(keys.write)];
    expect(await named(reader)).toEqual(['ask', 'search', 'status']);
    expect(await named(writer)).toEqual(['ask', 'ingest', 'search', 'status']);
    const refused = await call(reader, 'ingest', { text: 'A text that may not be added.' });
    expect(refused).toMatchObject({ isError: true });
    expect(refused.content[0].text).toContain('forbidden');
    await Promise.all([reader.close(), writer.close()]);
  });

  it('searches and answers with sources', async () => {
    const client = await connect(keys.read);
    const found = await call(client, 'search', { query: 'daily allowance for meals', max_results: 3 });
    expect(found.content[0].text).toContain('45 euros');
    expect(found.structuredContent.hits[0]).toMatchObject({ source: { title: 'Travel expenses' } });
    const answered = await call(client, 'ask', { question: 'What is the daily allowance for meals?' });
    expect(answered.structuredContent).toMatchObject({ status: 'completed', abstained: false });
    expect(answered.content[0].text).toMatch(/45 euros.*\n\nSources:\n\[1\] Travel expenses/s);
    const later = await call(client, 'status', { answer_id: answered.structuredContent.id });
    expect(later.content[0].text).toBe(answered.content[0].text);
    await client.close();
  });

  it('shows a restricted key no more than the API does', async () => {
    const client = await connect(keys.finance);
    const found = await call(client, 'search', { query: 'Who approves remote days?', max_results: 50 });
    expect(found.structuredContent.hits.map(({ source }: Json) => source.title)).toEqual(
      expect.not.arrayContaining(['Remote work policy']),
    );
    await client.close();
  });

  it('adds documents and says how far they are', async () => {
    const client = await connect(keys.write);
    const added = await call(client, 'ingest', { text: 'The heron nests at the weir.', title: 'Herons' });
    const { id } = added.structuredContent;
    await documentReady(service.admin, id);
    const status = await call(client, 'status', { document_id: id });
    expect(status.content[0].text).toBe(`The document ${id}, version 1, is ready.`);
    expect((await call(client, 'status', {})).content[0].text).toMatch(/^The service is healthy/);
    await client.close();
  });

  it('says what is wrong, as a result that a model can read', async () => {
    const client = await connect(keys.write);
    for (const [tool, given, part] of [
      ['search', {}, 'query'],
      ['search', { query: 'x', limit: 3 }, 'limit'],
      ['ask', { question: 'x', collections: ['no/name'] }, 'collections'],
      ['ingest', {}, 'text'],
      ['status', { answer_id: '00000000-0000-4000-8000-000000000000' }, 'not_found'],
    ] as const)
      expect(await call(client, tool, given)).toMatchObject({
        isError: true,
        content: [{ text: expect.stringContaining(part) }],
      });
    await expect(call(client, 'drop_tables', {})).rejects.toThrow('There is no tool');
    await client.close();
  });

  it('lets nobody in without a key, from foreign pages, or with many messages at once', async () => {
    const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
    const accept = { Accept: 'application/json, text/event-stream' };
    expect((await service.anonymous.post('/mcp', ping, accept)).status).toBe(401);
    expect((await service.admin.post('/mcp', ping, accept)).body).toEqual({
      jsonrpc: '2.0',
      id: 1,
      result: {},
    });
    const foreign = await service.admin.post('/mcp', ping, { ...accept, Origin: 'https://evil.example' });
    expect([foreign.status, foreign.body.code]).toEqual([403, 'forbidden']);
    expect((await service.admin.post('/mcp', [ping, ping], accept)).status).toBe(422);
    const streamed = await service.admin.get('/mcp');
    expect([streamed.status, streamed.headers.get('allow')]).toEqual([405, 'POST']);
  });

  it('counts each message against the limit of the key', async () => {
    const { client } = await createKey(service, { scope: 'read', rate_limit: 2 });
    const accept = { Accept: 'application/json, text/event-stream' };
    const ping = () => client.post('/mcp', { jsonrpc: '2.0', id: 1, method: 'ping' }, accept);
    const statuses = [await ping(), await ping(), await ping(), await ping()].map(({ status }) => status);
    expect(statuses).toContain(429);
  });
});

describe('dt-rag mcp', () => {
  const args = () => ['cli/dt-rag.mjs', 'mcp', '--url', service.url];

  it('is the same over stdio', async () => {
    const client = new McpClient({ name: 'a test', version: '1.0.0' });
    await client.connect(
      new StdioClientTransport({
        command: process.execPath,
        args: args(),
        env: { DT_RAG_API_KEY: keys.read },
      }),
      { timeout: 30_000 },
    );
    expect(await named(client)).toEqual(['ask', 'search', 'status']);
    const found = await call(client, 'search', { query: 'daily allowance for meals' });
    expect(found.content[0].text).toContain('45 euros');
    await client.close();
  });

  it('answers what came before its input ended, and failures in the form of the protocol', async () => {
    const child = spawn(process.execPath, args(), {
      env: { ...process.env, DT_RAG_API_KEY: 'no key at all' },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += chunk;
    });
    child.stdin.end(`${JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'ping' })}\n`);
    await once(child, 'close');
    expect(JSON.parse(said)).toMatchObject({ id: 7, error: { message: expect.stringContaining('401') } });
  });
});
