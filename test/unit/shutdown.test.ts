import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createLog } from '../../src/log.ts';
import { createShutdown } from '../../src/shutdown.ts';

function setUp(deadlineSeconds = 20) {
  const lines: string[] = [];
  const write = (chunk: Buffer, _encoding: string, done: () => void) => {
    lines.push(String(chunk));
    done();
  };
  const exits: number[] = [];
  let onExit: (code: number) => void = () => undefined;
  const exited = new Promise<number>((resolve) => {
    onExit = resolve;
  });
  const shutdown = createShutdown(createLog('info', new Writable({ write })), deadlineSeconds, (code) => {
    exits.push(code);
    onExit(code);
  });
  return { shutdown, lines, exits, exited };
}

describe('shutdown', () => {
  it('closes in reverse order, one after the other, with the signal aborted first', async () => {
    const { shutdown, exits } = setUp();
    const events: string[] = [];
    for (const name of ['database', 'queues', 'http']) {
      shutdown.add(name, async () => {
        events.push(`${name} begins, ${shutdown.signal.aborted}`);
        await new Promise((resolve) => setImmediate(resolve));
        events.push(`${name} ends`);
      });
    }
    expect(shutdown.signal.aborted).toBe(false);
    await shutdown.run();
    expect(events).toEqual([
      ...['http begins, true', 'http ends', 'queues begins, true', 'queues ends'],
      ...['database begins, true', 'database ends'],
    ]);
    expect(exits).toEqual([]);
  });

  it('runs once, however often it is asked', async () => {
    const { shutdown } = setUp();
    let closed = 0;
    shutdown.add('it', () => {
      closed += 1;
    });
    await Promise.all([shutdown.run(), shutdown.run()]);
    await shutdown.run();
    expect(closed).toBe(1);
  });

  it('goes on when something can’t be closed, and says so', async () => {
    const { shutdown, lines } = setUp();
    let closed = false;
    shutdown.add('first', () => {
      closed = true;
    });
    shutdown.add('second', () => Promise.reject(new Error('stuck')));
    await shutdown.run();
    expect(closed).toBe(true);
    expect(lines.join('')).toContain('"resource":"second"');
  });

  it('exits hard when its deadline passes, naming what is left', async () => {
    const { shutdown, exited, lines } = setUp(0.05);
    shutdown.add('left', () => undefined);
    shutdown.add('stuck', () => new Promise(() => undefined));
    void shutdown.run();
    // The deadline alone does not keep a process alive: something here has to.
    const alive = setInterval(() => undefined, 1000);
    expect(await exited).toBe(1);
    clearInterval(alive);
    expect(lines.join('')).toContain('"waitingFor":["left"]');
  });
});
