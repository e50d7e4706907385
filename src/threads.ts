import { Worker, type WorkerOptions } from 'node:worker_threads';

/** Starts `./name` beside the calling module as a thread, whether the tree runs as TypeScript (tsx, vitest) or built. */
export function startThread(name: string, callerUrl: string, options: WorkerOptions = {}): Worker {
  if (!callerUrl.endsWith('.ts')) return new Worker(new URL(`${name}.js`, callerUrl), options);
  const entry = new URL(`${name}.ts`, callerUrl).href;
  return new Worker(new URL('./typescript-thread.mjs', import.meta.url), { ...options, argv: [entry] });
}
