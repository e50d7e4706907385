import { readdirSync, readFileSync } from 'node:fs';

/** Resident megabytes of a process; 0 once it is gone. Linux. */
export function residentMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readProcess(pid, 'status'))?.[1] ?? 0) / 1024;
}

/** The processes that this one has started. */
export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((id) => Number(readProcess(id, 'stat').split(') ')[1]?.split(' ')[1]) === pid);
}

function readProcess(pid: number, file: 'status' | 'stat'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}

export interface Memory {
  api: number;
  worker: number;
  /** All that the worker has started: parsers. */
  children: number;
  together: number;
}

const readEveryMs = 100;
/** A look at every process of the machine, and whoever starts lives for seconds. */
const lookForChildrenEvery = 5;

export interface Reading extends Memory {
  /** What `stage` had been called with before. */
  stage: string;
}

/** Reads resident memory ten times a second until it is stopped. */
export function watchMemory(api: number, worker: number): { stage(name: string): void; stop(): Reading[] } {
  const readings: Reading[] = [];
  let stage = '';
  let children: number[] = [];
  const read = () => {
    if (readings.length % lookForChildrenEvery === 0) children = childrenOf(worker);
    const now = { api: residentMb(api), worker: residentMb(worker), children: 0 };
    for (const child of children) now.children += residentMb(child);
    readings.push({ ...now, together: now.api + now.worker + now.children, stage });
  };
  const timer = setInterval(read, readEveryMs);
  return {
    stage: (name) => {
      stage = name;
    },
    stop: () => {
      clearInterval(timer);
      return readings;
    },
  };
}

/** The most of each at any time of each stage, and of all, whole megabytes, less what `idle` says. */
export function mostAbove(readings: readonly Reading[], idle: Memory): Record<string, Memory> {
  const most = (of: readonly Memory[]) => {
    const above = (key: keyof Memory) =>
      Math.round(of.reduce((high, reading) => Math.max(high, reading[key] - idle[key]), -idle[key]));
    return {
      api: above('api'),
      worker: above('worker'),
      children: above('children'),
      together: above('together'),
    };
  };
  const stages = [...new Set(readings.map(({ stage }) => stage))];
  const named = stages.map((name) => [name, most(readings.filter(({ stage }) => stage === name))]);
  return { ...Object.fromEntries(named), 'at any time': most(readings) };
}

export interface LoopDelay {
  /** Milliseconds, the 10 between two looks included. */
  p99: number;
  most: number;
}

/** What a process' own metrics say of its event loop since they were last asked. */
export function readLoopDelay(metrics: string): LoopDelay {
  const value = (name: string) =>
    Math.round(
      Number(new RegExp(`^nodejs_eventloop_lag_${name}_seconds (\\S+)$`, 'm').exec(metrics)?.[1]) * 1000,
    );
  return { p99: value('p99'), most: value('max') };
}
