import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { beatOfApi, heartbeatMs, stopBeatOfApi } from './db/heartbeats.ts';
import type { Foundation } from './service.ts';

/** Tells the database what memory this process takes, as workers do, until the foundation's shutdown. */
export async function startApiHeartbeat({
  db,
  log,
  shutdown,
}: Pick<Foundation, 'db' | 'log' | 'shutdown'>): Promise<void> {
  const id = randomUUID();
  const name = `${hostname()}:${process.pid}`;
  const tell = () => beatOfApi(db, id, name, process.memoryUsage.rss());
  await tell();
  const timer = setInterval(() => {
    tell().catch((error) => log.warn({ err: error }, 'heartbeat of the API failed'));
  }, heartbeatMs);
  shutdown.add('heartbeat of the API', async () => {
    clearInterval(timer);
    await stopBeatOfApi(db, id);
  });
}
