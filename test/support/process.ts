import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { waitFor } from './wait-for.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** One of the service's own processes. */
export interface ServiceProcess {
  /** What it has written so far, on both streams. */
  output(): string;
  /** What the pattern's first group holds, once it is written; throws when the process ends before. */
  says(pattern: RegExp): Promise<string>;
  /** Resolves with the exit code once it has ended; null after SIGKILL. */
  ended: Promise<number | null>;
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

/** Starts an entry (`src/main.ts`, `workers/main.ts`, `workers/start.ts`) with this environment and PATH alone. */
export function launch(entry: string, environment: Record<string, string>): ServiceProcess {
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, ['--import', 'tsx', entry], {
    cwd: root,
    env: { PATH, LOG_LEVEL: 'info', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk;
    });
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  return {
    output: () => output,
    says: (pattern) =>
      waitFor(
        `${entry} says ${pattern}`,
        () => {
          const found = pattern.exec(output)?.[1];
          if (!found && hasEnded(child)) throw new Error(`${entry} ended with ${child.exitCode}: ${output}`);
          return found;
        },
        // A first start makes a database and reads a model, maybe beside other tests that do.
        { withinMs: 120_000 },
      ),
    ended,
    kill: async (signal) => {
      if (!hasEnded(child)) child.kill(signal);
      await ended;
    },
  };
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
