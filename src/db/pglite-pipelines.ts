import type { PGlite } from '@electric-sql/pglite';

/** First bytes of the extended query protocol's messages that leave it open: Parse, Bind, Describe, Execute, Close, Flush. */
const opening = new Set([...'PBDECH'].map((letter) => letter.charCodeAt(0)));

/**
 * The socket server hands the messages of all connections to the one session in the order they arrive. Between Parse and
 * Sync another connection's Parse would replace the unnamed statement ("bind message supplies 3 parameters, but prepared
 * statement requires 1"). It does wait while the session is in a transaction, so an open pipeline is made to count as one.
 * `onFailure` is called when the engine itself throws, which leaves the server's queue stuck for good.
 */
export function keepPipelinesWhole(database: PGlite, onFailure: (error: unknown) => void): void {
  let open = false;
  const inTransaction = database.isInTransaction.bind(database);
  const execute = database.execProtocolRawStream.bind(database);
  database.isInTransaction = () => open || inTransaction();
  database.execProtocolRawStream = async (message, options) => {
    open = opening.has(message[0] as number);
    try {
      return await execute(message, options);
    } catch (error) {
      setImmediate(() => onFailure(error));
      throw error;
    }
  };
}
