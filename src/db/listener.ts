import pg from 'pg';

export interface Listening {
  /** What was told, with each NOTIFY. */
  onMessage(payload: string): void;
  /** Listening has begun, also again after the connection was lost: what was told in between is unknown. */
  onReady(): void;
}

export type Listen = (channel: string, listening: Listening) => { close(): Promise<void> };

const firstRetryMs = 200;
const longestRetryMs = 10_000;
/** A connection whose other side has vanished says nothing by itself. */
const pingMs = 20_000;

/**
 * Listens on a connection of its own, one for all channels, which is made again whenever it is lost: after a random pause that
 * grows. It is there from the first channel to the last.
 */
export function listenOn(connection: pg.ClientConfig): Listen {
  const channels = new Map<string, Listening>();
  let link: Link | undefined;
  return (channel, listening) => {
    channels.set(channel, listening);
    if (link) link.add(channel);
    else link = openLink(connection, channels);
    return {
      close: async () => {
        channels.delete(channel);
        if (channels.size > 0) return;
        const last = link;
        link = undefined;
        await last?.close();
      },
    };
  };
}

interface Link {
  add(channel: string): void;
  close(): Promise<void>;
}

function openLink(connection: pg.ClientConfig, channels: ReadonlyMap<string, Listening>): Link {
  let closed = false;
  let failures = 0;
  let client: pg.Client | undefined;
  let ready = false;
  let timer: NodeJS.Timeout | undefined;
  let stopPings = () => {};

  const lose = (lost: pg.Client) => {
    if (client !== lost) return;
    client = undefined;
    ready = false;
    stopPings();
    void lost.end().catch(() => undefined);
    if (closed) return;
    const longest = Math.min(longestRetryMs, firstRetryMs * 2 ** failures);
    failures += 1;
    timer = setTimeout(connect, longest * (0.5 + Math.random() / 2)).unref();
  };
  const listenTo = async (current: pg.Client, channel: string) => {
    await current.query(`listen ${channel}`);
    if (client === current) channels.get(channel)?.onReady();
  };
  const connect = () => {
    const current = createListener(connection, channels, lose);
    client = current;
    const begin = async () => {
      await current.connect();
      ready = true;
      for (const channel of [...channels.keys()]) await listenTo(current, channel);
      failures = 0;
      if (client === current) stopPings = pingAlong(current, () => lose(current));
    };
    begin().catch(() => lose(current));
  };
  connect();
  return {
    add: (channel) => {
      const current = client;
      // One that is not yet there will listen to all that it finds.
      if (current && ready) listenTo(current, channel).catch(() => lose(current));
    },
    close: async () => {
      closed = true;
      clearTimeout(timer);
      stopPings();
      await client?.end().catch(() => undefined);
    },
  };
}

function createListener(
  connection: pg.ClientConfig,
  channels: ReadonlyMap<string, Listening>,
  lose: (lost: pg.Client) => void,
): pg.Client {
  const client = new pg.Client({
    ...connection,
    // Told apart from the others in pg_stat_activity.
    ...{ application_name: 'dt-rag listener', keepAlive: true, connectionTimeoutMillis: 10_000 },
  });
  client.on('error', () => lose(client));
  client.on('end', () => lose(client));
  client.on('notification', ({ channel, payload = '' }) => channels.get(channel)?.onMessage(payload));
  return client;
}

/** Asks now and then whether the other side is there, and calls `lose` when it is not. Returns what ends that. */
function pingAlong(client: pg.Client, lose: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const ping = () => {
    timer = setTimeout(() => {
      const unanswered = setTimeout(lose, pingMs / 4).unref();
      const answered = () => {
        clearTimeout(unanswered);
        if (!stopped) ping();
      };
      client.query('select 1').then(answered, lose);
    }, pingMs).unref();
  };
  ping();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

/** The part of a client that the embedded database's listener needs. */
interface Notified {
  on(event: 'notification', listener: (message: { channel: string; payload?: string }) => void): unknown;
}

/**
 * The embedded database is one session: what any connection listens to, that session does, and a NOTIFY comes to the connection
 * that caused it. So every connection of this process hears for all; `watch` is to be told of each.
 */
export function createEmbeddedListen(query: (statement: string) => Promise<unknown>): {
  listen: Listen;
  watch(client: Notified, done: () => void): void;
} {
  const listeners = new Map<string, Listening>();
  return {
    listen: (channel, listening) => {
      listeners.set(channel, listening);
      // Who waits looks by itself every few seconds, should this fail.
      query(`listen ${channel}`).then(listening.onReady, () => undefined);
      return { close: async () => void listeners.delete(channel) };
    },
    watch: (client, done) => {
      client.on('notification', ({ channel, payload = '' }) => listeners.get(channel)?.onMessage(payload));
      done();
    },
  };
}
