import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { countWords } from '../../src/retrieval/analyze.ts';
import { createParserPool } from '../../workers/ingestion/parse-isolated.ts';

const registryUrl = new URL('../support/fixtures/ingestion/hostile-registry.ts', import.meta.url).href;
const pool = createParserPool({ timeoutMs: 10_000, memoryMb: 300, size: 1, registryUrl });
const options = { title: null, size: 500, overlap: 128 };
const file = (text: string, fileName = 'a.txt') => ({ bytes: Buffer.from(text), hints: { fileName } });
const say = (text: string, signal?: AbortSignal) => pool.prepare(file(text), options, signal);

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('parser pool', () => {
  afterAll(() => pool.close());

  it('reads files one after the other in one warm process', async () => {
    const results = await Promise.all([say('pid'), say('pid'), say('# not markdown')]);
    expect(results[0]?.text).toBe(results[1]?.text);
    expect(Number(results[0]?.text)).not.toBe(process.pid);
    expect(results[2]).toEqual({
      format: 'txt',
      text: '# not markdown',
      pages: [],
      found: { language: 'en' },
      chunks: [
        {
          start: 0,
          end: 14,
          page: null,
          heading: null,
          context: null,
          gap: '',
          text: '# not markdown',
          ...countWords('# not markdown'),
        },
      ],
    });
  });

  it('prepares a long text there too, exactly as it is given, and a short one without waiting', async () => {
    const sentence = 'Cafe\u0301 and\r\n\u200btea are served.  ';
    const long = sentence.repeat(5_000);
    const running = new AbortController();
    const endless = say('loop', running.signal);
    const short = await pool.prepare({ text: sentence }, options);
    expect(short).toMatchObject({ format: 'txt', text: sentence, chunks: [{ text: sentence.trim() }] });
    running.abort(new Error('enough'));
    await expect(endless).rejects.toThrow('enough');
    const prepared = await pool.prepare({ text: long }, { ...options, title: 'Menu' });
    expect(prepared.text).toBe(long);
    expect(prepared.chunks.length).toBeGreaterThan(100);
    for (const { start, end, text, words, frequencies, wordCount } of prepared.chunks) {
      expect(text).toBe(long.slice(start, end));
      expect({ words, frequencies, wordCount }).toEqual(countWords(`Menu\n\n${text}`));
    }
  });

  it('hands no environment to the process', async () => {
    const { text } = await say('environment');
    expect(text).not.toMatch(/PATH|KEY|URL|HOME/);
  });

  it('passes errors on with their code', async () => {
    await expect(say('  ')).rejects.toMatchObject({ name: 'AppError', code: 'document_empty' });
    await expect(pool.prepare(file('PK\x03\x04', 'a.docx'), options)).rejects.toMatchObject({
      code: 'document_unreadable',
    });
  });

  it.each([
    ['loop', 'parse_timeout'],
    ['memory', 'parse_out_of_memory'],
    ['heap', 'parse_out_of_memory'],
    ['crash', 'document_unreadable'],
    ['exit', 'document_unreadable'],
  ])('survives a parser that does %s: %s', async (word, code) => {
    const before = Number((await say('pid')).text);
    await expect(say(word)).rejects.toMatchObject({ code });
    const after = Number((await say('pid')).text);
    expect(after).not.toBe(before);
    expect(runs(before)).toBe(false);
  });

  it('stops a running and a waiting parse on abort', async () => {
    const before = Number((await say('pid')).text);
    const running = new AbortController();
    const waiting = new AbortController();
    const first = say('loop', running.signal);
    const second = say('never read', waiting.signal);
    const third = say('read after all');
    waiting.abort(new Error('gave up waiting'));
    await expect(second).rejects.toThrow('gave up waiting');
    running.abort(new Error('cancelled'));
    await expect(first).rejects.toThrow('cancelled');
    expect((await third).text).toBe('read after all');
    expect(runs(before)).toBe(false);
  });

  it('replaces a process that holds too much memory after a file', async () => {
    const thrifty = createParserPool({
      timeoutMs: 30_000,
      memoryMb: 512,
      size: 1,
      recycleMb: 1,
      registryUrl,
    });
    const first = await thrifty.prepare(file('pid'), options);
    const second = await thrifty.prepare(file('pid'), options);
    thrifty.close();
    expect(second.text).not.toBe(first.text);
  });

  it('replaces a process that has read a long document', async () => {
    const before = await say('pid');
    const megabyte = Buffer.from(`${' '.repeat(1_000_000)}\ntea\n\n`);
    const parts = async function* () {
      for (let n = 0; n < 6; n++) yield megabyte;
    };
    const long = await pool.prepare({ parts, hints: { fileName: 'a.txt' } }, options);
    expect(long.chunks.length).toBe(6);
    expect((await say('pid')).text).not.toBe(before.text);
  });

  it('does not charge a document for the memory that those before it left', async () => {
    const forgetful = createParserPool({
      timeoutMs: 30_000,
      memoryMb: 500,
      recycleMb: 500,
      size: 1,
      registryUrl,
    });
    await forgetful.prepare(file('keep 250 MB'), options);
    expect((await forgetful.prepare(file('take 250 MB'), options)).text).toBe('250000000');
    await expect(forgetful.prepare(file('memory'), options)).rejects.toMatchObject({
      code: 'parse_out_of_memory',
    });
    forgetful.close();
  });

  it('rejects what runs and what comes after close', async () => {
    const closing = createParserPool({ timeoutMs: 30_000, memoryMb: 512, size: 1, registryUrl });
    const running = closing.prepare(file('loop'), options);
    const waiting = closing.prepare(file('text'), options);
    closing.close();
    await expect(running).rejects.toMatchObject({ code: 'shutting_down' });
    await expect(waiting).rejects.toMatchObject({ code: 'shutting_down' });
    await expect(closing.prepare(file('text'), options)).rejects.toMatchObject({ code: 'shutting_down' });
  });

  it('says so when the process cannot start', async () => {
    const broken = createParserPool({
      timeoutMs: 30_000,
      memoryMb: 512,
      size: 1,
      registryUrl: 'file:///nowhere/registry.js',
    });
    await expect(broken.prepare(file('text'), options)).rejects.toMatchObject({ code: 'internal' });
    broken.close();
  });

  it('dies with its parent even in the middle of an endless loop', async () => {
    const script = new URL('../support/fixtures/ingestion/pool-parent.ts', import.meta.url);
    const parent = spawn(process.execPath, ['--import', 'tsx', script.pathname], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    expect(runs(pid)).toBe(true);
    parent.kill('SIGKILL');
    await vi.waitFor(() => expect(runs(pid)).toBe(false), { timeout: 20_000, interval: 50 });
  });
});
