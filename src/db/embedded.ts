import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, realpath, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startThread } from '../threads.ts';

/** Unix socket paths are limited to about 104 bytes, whatever the file system allows. */
const longestSocketPath = 100;
const socketName = '.s.PGSQL.5432';

export interface EmbeddedPostgres {
  /** Folder of the socket, as `host` for pg: nobody but this user can enter it, so there is no password. */
  host: string;
  close(): Promise<void>;
}

/**
 * Starts PGlite over `dataDir`. The socket doubles as the lock: while somebody answers on it, the directory is in use
 * and a second process is refused (two PGlites over one directory corrupt it); a socket left by a killed process is
 * silent and is replaced.
 */
export async function startEmbeddedPostgres(
  dataDir: string,
  onCrash: (error: Error) => void,
): Promise<EmbeddedPostgres> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const host = await socketFolder(await realpath(dataDir));
  const socketPath = join(host, socketName);
  if (await answers(socketPath)) {
    throw new Error(
      `DATA_DIR ${dataDir} is in use by another process: stop that one, or set another DATA_DIR.`,
    );
  }
  await rm(socketPath, { force: true });
  const thread = startThread('./pglite-thread', import.meta.url, {
    workerData: { dataDir: join(dataDir, 'pg'), socketPath },
  });
  let closing = false;
  await new Promise<void>((resolve, reject) => {
    thread.once('message', () => resolve());
    thread.once('error', reject);
  });
  thread.on('error', onCrash);
  thread.on('exit', (code) => {
    if (!closing) onCrash(new Error(`the embedded database stopped with code ${code}`));
  });
  return {
    host,
    close: async () => {
      closing = true;
      const ended = once(thread, 'exit');
      thread.postMessage('close');
      await ended;
      await rm(socketPath, { force: true });
    },
  };
}

async function socketFolder(dataDir: string): Promise<string> {
  if (Buffer.byteLength(join(dataDir, socketName)) <= longestSocketPath) return dataDir;
  const name = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  const folder = join(tmpdir(), `dt-rag-${name}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
