import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServerState } from '../../workers/tools/mcp-server.ts';
import { readServerSettings } from '../../workers/tools/server-settings.ts';
import { type Arguments, ToolFault } from '../../workers/tools/tool.ts';
import { createToolbox, type Toolbox } from '../../workers/tools/toolbox.ts';
import { type HttpToolServer, startHttpToolServer, stdioToolServer } from '../support/tool-server.ts';

const maxBytes = 100_000;
const running = new AbortController().signal;
let http: HttpToolServer;

beforeAll(async () => {
  http = await startHttpToolServer();
});
afterAll(() => http.close());

function open(states: ServerState[] = []): Toolbox {
  const text = JSON.stringify({
    pipe: stdioToolServer,
    web: { url: http.url, headers: { Authorization: 'WEATHER_TOKEN' } },
    gone: { url: 'http://127.0.0.1:9/mcp' },
    nobody: { command: '/nonexistent/tool-server' },
  });
  const settings = readServerSettings(text, { WEATHER_TOKEN: 'Bearer of-the-weather' });
  return createToolbox(settings, { maxBytes, connectMs: 20_000, onChange: (state) => states.push(state) });
}

/** What the tool says, or the code of what went wrong. */
async function call(
  toolbox: Toolbox,
  name: string,
  given: Arguments = {},
  timeoutMs = 20_000,
): Promise<string> {
  try {
    const tool = await toolbox.find(name, running);
    return (await tool.call(given, { timeoutMs, signal: running })).text;
  } catch (error) {
    if (error instanceof ToolFault) return error.code;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe.each(['pipe', 'web'])('a server over %s', (server) => {
  let toolbox: Toolbox;
  const states: ServerState[] = [];
  beforeAll(() => {
    toolbox = open(states);
  });
  afterAll(() => toolbox.close());
  const said = (tool: string, given?: Arguments, timeoutMs?: number) =>
    call(toolbox, `${server}.${tool}`, given, timeoutMs);

  it('is called, with its arguments', async () => {
    expect(await said('weather', { city: 'Busan' })).toBe('It is 21 degrees and sunny in Busan at noon.');
    expect(states.at(-1)).toMatchObject({ name: server, condition: 'ready', detail: null });
  });

  it('has the arguments checked by its own schema, without its regular expressions', async () => {
    const weather = await toolbox.find(`${server}.weather`, running);
    expect(weather.check({ city: 'Busan' })).toBeNull();
    expect(weather.check({})).toContain('city');
    expect(weather.check({ city: 7 })).toContain('string');
    const slow = await toolbox.find(`${server}.slow_pattern`, running);
    const started = performance.now();
    expect(slow.check({ city: `${'a'.repeat(60)}!` })).toBeNull();
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('is held to what it declares', async () => {
    expect(await said('lie')).toBe('bad_output');
    expect(await said('malformed')).toBe('bad_output');
    expect(await said('silent')).toBe('empty');
    expect(await said('refuse', { city: 'x' })).toBe('failed');
    expect(await said('no_such_tool')).toBe('unknown_tool');
  });

  it('offers no tool whose description speaks to models, or whose schema points elsewhere', async () => {
    expect(await said('poisoned')).toBe('unknown_tool');
    expect(await said('elsewhere')).toBe('unknown_tool');
    const refused = states.find(({ condition }) => condition === 'ready')?.refused.map(({ name }) => name);
    expect(refused).toEqual(['poisoned', 'elsewhere']);
  });

  it('is given up when it hangs, and goes on for others', async () => {
    const [late, weather] = await Promise.all([said('hang', {}, 300), said('weather', { city: 'Jeju' })]);
    expect([late, weather]).toEqual(['timeout', expect.stringContaining('Jeju')]);
    expect(await said('weather', { city: 'Ulsan' })).toContain('Ulsan');
  });

  it('is let go of when it sends more than it may', async () => {
    const before = process.memoryUsage().arrayBuffers + process.memoryUsage().external;
    expect(await said('huge')).toBe('too_large');
    // The HTTP server of the test lives in this process and holds its own copy; a child does not.
    if (server === 'pipe')
      expect(process.memoryUsage().arrayBuffers + process.memoryUsage().external - before).toBeLessThan(20e6);
    expect(states.at(-1)).toMatchObject({ name: server, condition: 'failed' });
  });

  it('is left alone for a moment after it failed, then connected to anew', async () => {
    expect(await said('weather', { city: 'Daegu' })).toBe('unavailable');
    await expect.poll(() => said('weather', { city: 'Daegu' }), { timeout: 30_000 }).toContain('Daegu');
  });

  it('may die in the midst of a call', async () => {
    expect(await said('die', {}, 5000)).toMatch(/unavailable|timeout/);
    await expect.poll(() => said('weather', { city: 'Sejong' }), { timeout: 60_000 }).toContain('Sejong');
  });
});

describe('a toolbox', () => {
  it('asks again for the tools of a server that says they have changed', async () => {
    const toolbox = open();
    expect(await call(toolbox, 'pipe.later')).toBe('unknown_tool');
    expect(await call(toolbox, 'pipe.change')).toBe('changed');
    await expect.poll(() => call(toolbox, 'pipe.later')).toBe('I came later.');
    await toolbox.close();
  });

  it('lists what there is, whatever servers are gone, and knows why', async () => {
    const states: ServerState[] = [];
    const toolbox = open(states);
    const names = (await toolbox.list(running)).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['builtin.calculator', 'pipe.weather', 'web.weather']));
    expect(names.filter((name) => /^(gone|nobody)\./.test(name))).toEqual([]);
    for (const name of ['gone', 'nobody'])
      expect(states.find((state) => state.name === name)).toMatchObject({
        condition: 'failed',
        detail: 'The server could not be reached.',
      });
    await toolbox.close();
  });

  it('sends headers from variables that are named, and opens no stream', () => {
    expect(http.requests.every(({ authorization }) => authorization === 'Bearer of-the-weather')).toBe(true);
    expect(http.requests.every(({ method }) => method !== 'GET')).toBe(true);
  });

  it('gives a child nothing of our environment but what is named, and takes it along when it ends', async () => {
    process.env.TOOL_SECRET_OF_THE_TEST = 'nobody else is to have it';
    const child = { ...stdioToolServer, env: ['NAMED'] };
    const settings = readServerSettings(JSON.stringify({ pipe: child }), { NAMED: 'given' });
    const toolbox = createToolbox(settings, { maxBytes, connectMs: 20_000 });
    const { pid, variables } = JSON.parse(await call(toolbox, 'pipe.process'));
    delete process.env.TOOL_SECRET_OF_THE_TEST;
    expect(variables).toEqual(expect.arrayContaining(['NAMED', 'PATH']));
    expect(variables).not.toContain('TOOL_SECRET_OF_THE_TEST');
    expect(isAlive(pid)).toBe(true);
    await toolbox.close();
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
  });

  it('ends a call with the answer that it is for', async () => {
    const toolbox = open();
    const stop = new AbortController();
    const tool = await toolbox.find('web.hang', running);
    const hanging = tool.call({}, { timeoutMs: 60_000, signal: stop.signal });
    stop.abort(new Error('cancelled by somebody'));
    await expect(hanging).rejects.toThrow('cancelled by somebody');
    await toolbox.close();
  });
});

describe('MCP_SERVERS', () => {
  it('is refused with what is wrong', () => {
    const read = (value: unknown) => () => readServerSettings(JSON.stringify(value), {});
    expect(read({ builtin: { command: 'x' } })).toThrow('the name of the tools of our own');
    expect(read({ a: { url: 'ftp://x' } })).toThrow();
    expect(read({ a: { url: 'http://x', headers: { Authorization: 'TOKEN' } } })).toThrow(
      'TOKEN, which is not set',
    );
    expect(() => readServerSettings('{', {})).toThrow('not valid JSON');
    expect(read({ mcpServers: { a: { command: 'x' } } })()).toMatchObject([{ name: 'a', kind: 'stdio' }]);
  });
});
