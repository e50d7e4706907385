import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import { keepPipelinesWhole } from './pglite-pipelines.ts';
import { sessionStatements } from './session.ts';

/**
 * The embedded Postgres, in a thread of its own: PGlite computes queries synchronously, and the event loop of the API
 * must not wait for them. Speaks the ordinary wire protocol on a Unix socket; "close" ends it cleanly.
 */
const { dataDir, socketPath } = workerData as { dataDir: string; socketPath: string };
const port = parentPort;
if (!port) throw new Error('pglite-thread runs as a worker thread only');

// The default of 128 MB is never given back; what is not in it is read from the page cache of the system.
const memory = ['-c', 'shared_buffers=32MB'];
const database = await PGlite.create(dataDir, {
  extensions: { vector },
  startParams: [...PGlite.defaultStartParams, ...memory],
});
// One session serves every connection, and the socket server ignores start-up options.
await database.exec(sessionStatements());
keepPipelinesWhole(database, (error) => {
  // Nothing more can be done with a database whose engine failed; the process restarts on its data directory.
  throw error;
});
const server = new PGLiteSocketServer({ db: database, path: socketPath, maxConnections: 200 });
await server.start();
port.on('message', async (message) => {
  if (message !== 'close') return;
  await server.stop();
  await database.close();
  port.postMessage('closed');
  port.close();
});
port.postMessage('ready');
