import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type Agent, request } from 'node:http';

export interface Load {
  url: string;
  agent: Agent;
  headers: Record<string, string>;
  body: (n: number) => unknown;
  /** Requests that are under way at a time. */
  connections: number;
  seconds: number;
}

export interface Turn {
  perSecond: number;
  /** Milliseconds of each request. */
  times: number[];
}

/** Sends requests for so long, each connection the next one when it has its reply. Throws at any that is not 202. */
export async function postInTurn(load: Load): Promise<Turn> {
  const times: number[] = [];
  const started = performance.now();
  const end = started + load.seconds * 1000;
  let n = 0;
  const caller = async () => {
    while (performance.now() < end) {
      const sent = performance.now();
      n += 1;
      const status = await post(load, JSON.stringify(load.body(n)));
      if (status !== 202) throw new Error(`${load.url} answered ${status}.`);
      times.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: load.connections }, caller));
  return { perSecond: (times.length * 1000) / (performance.now() - started), times };
}

function post({ url, agent, headers }: Load, body: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        ...{ method: 'POST', agent },
        headers: {
          ...headers,
          'Content-Type': 'application/json',
          'Content-Length': Buffer.byteLength(body),
        },
      },
      (response) => {
        response.resume();
        response.once('end', () => resolve(response.statusCode));
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

/** The value that this share of all is at most, to a hundredth; NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return Math.round(value * 100) / 100;
}

/** Seconds of processor time that a process has used: the same whatever else the machine does. */
export function cpuSeconds({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
