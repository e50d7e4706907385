import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { waitFor } from '../support/wait-for.ts';
import { openBalancer } from './balancer.ts';
import { say } from './say.ts';
import type { Stage } from './stage.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const adminKey = 'the-admin-key-of-a-chaos-run';

/** A process of the product, started again whenever it ends: what systemd, compose or Kubernetes do. */
export interface Member {
  name: string;
  /** Where the work is done: a worker, or the whole service on the embedded tier. */
  works: boolean;
  /** Added to its environment at its next start. */
  extra: Record<string, string>;
  readonly pid: number;
  /** Sends the signal; resolves once the process has ended (at once for SIGSTOP and SIGCONT). */
  signal(name: NodeJS.Signals): Promise<void>;
  /** Resolves when the process that runs now is another one than `pid`. */
  replaced(pid: number): Promise<void>;
}

export interface Product {
  /** Of an API that is ready. */
  url(): string;
  members: Member[];
  /** Processes that ended though nobody told them to. */
  crashes(): string[];
  /** Whether every API answers. */
  ready(): Promise<void>;
  stop(): Promise<void>;
}

/** Migrates, then starts the APIs and the workers (embedded: one process for all) on ports that stay theirs. */
export async function startProduct(
  stage: Pick<Stage, 'tier' | 'folder' | 'environment'>,
  { apis, workers, more = {} }: { apis: number; workers: number; more?: Record<string, string> },
): Promise<Product> {
  const environment = {
    PATH: process.env.PATH ?? '',
    ...stage.environment,
    ADMIN_API_KEY: adminKey,
    SECRET_KEY: 'the-secret-key-of-a-chaos-run-is-long',
    ENVIRONMENT: 'testing',
    LOG_LEVEL: 'info',
    WORKER_CONCURRENCY: '4',
    ...more,
  };
  const tsx = ['--import', 'tsx'];
  if (stage.tier !== 'embedded')
    await promisify(execFile)(process.execPath, [...tsx, 'src/migrate.ts', 'latest'], {
      cwd: root,
      env: environment,
    });
  const crashed: string[] = [];
  const keep = (name: string, entry: string, works: boolean, port = 0) =>
    supervise({
      ...{ name, works, stage, crashed },
      command: [...tsx, entry],
      environment: { ...environment, PORT: String(port) },
    });
  const embedded = stage.tier === 'embedded';
  const ports: number[] = [];
  for (let n = 0; n < (embedded ? 1 : apis); n++) ports.push(await freePort());
  const members = embedded
    ? [keep('service', 'workers/start.ts', true, ports[0])]
    : [
        ...ports.map((port, n) => keep(`api-${n + 1}`, 'src/main.ts', false, port)),
        ...Array.from({ length: workers }, (_, n) => keep(`worker-${n + 1}`, 'workers/main.ts', true)),
      ];
  const balancer = openBalancer(ports.map((port) => `http://127.0.0.1:${port}`));
  const product: Product = {
    url: balancer.url,
    members,
    crashes: () => crashed,
    ready: () => within(120_000, balancer.allReady()),
    stop: async () => {
      balancer.stop();
      await Promise.all(members.map((member) => member.retire()));
    },
  };
  await product.ready();
  return product;
}

interface Supervised {
  name: string;
  works: boolean;
  stage: Pick<Stage, 'folder'>;
  /** Takes a line for every end that nobody asked for. */
  crashed: string[];
  /** Arguments of node. */
  command: string[];
  environment: Record<string, string>;
}

/** Starts the process, and again whenever it ends, until it is retired. Its output goes to a file of its name in the folder. */
export function supervise({ name, works, stage, crashed, command, environment }: Supervised) {
  let child: ChildProcess;
  let told = false;
  let retired = false;
  const launch = () => {
    const log = openSync(join(stage.folder, `${name}.log`), 'a');
    const env = { ...environment, ...member.extra };
    child = spawn(process.execPath, command, { cwd: root, env, stdio: ['ignore', log, log] });
    closeSync(log);
    child.once('exit', (code, signal) => {
      if (!told) {
        crashed.push(`${name} ended with ${signal ?? code}`);
        say(`${name} ended by itself with ${signal ?? code}`);
      }
      told = false;
      if (!retired) setTimeout(launch, 300);
    });
  };
  const member = {
    name,
    works,
    extra: {} as Record<string, string>,
    get pid() {
      return child.pid as number;
    },
    signal: async (signal: NodeJS.Signals) => {
      const running = child;
      if (running.exitCode !== null || running.signalCode !== null) return;
      if (signal === 'SIGSTOP' || signal === 'SIGCONT') return void running.kill(signal);
      told = true;
      const ended = once(running, 'exit');
      running.kill(signal);
      await ended;
    },
    replaced: async (pid: number) => {
      await waitFor(`${name} runs again`, () => child.pid !== pid && child.exitCode === null);
    },
    retire: async () => {
      retired = true;
      await member.signal('SIGTERM');
    },
  };
  // Whatever ends the harness, its processes end with it.
  process.once('exit', () => child.kill('SIGKILL'));
  launch();
  return member;
}

async function within(ms: number, ready: Promise<void>): Promise<void> {
  const late = pause(ms, undefined, { ref: false }).then(() => {
    throw new Error(`The API does not answer after ${ms / 1000} s.`);
  });
  await Promise.race([ready, late]);
}

/** A port that the system had free: every start of the API gets the same one. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
