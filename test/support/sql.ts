import { once } from 'node:events';
import pg from 'pg';

/** Looks into the rows of a running service. */
export interface Sql {
  query<Row>(text: string, values?: unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

/** Connects with the first query. */
export function openSql(connection: pg.ClientConfig): Sql {
  const connect = async () => {
    const client = new pg.Client(connection);
    // A service that stops first takes the connection with it.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  let opened: Promise<pg.Client> | undefined;
  return {
    query: async (text, values) => {
      opened ??= connect();
      return (await (await opened).query(text, values)).rows;
    },
    close: async () => {
      const client = await opened;
      if (!client) return;
      const closed = once(client, 'end');
      await client.end();
      await closed;
    },
  };
}
