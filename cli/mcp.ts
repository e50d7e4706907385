import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { ClientOptions } from '../src/client/http.ts';

/** Code of JSON-RPC for what failed on our side. */
const internalError = -32_603;

interface Relay {
  stdin?: NodeJS.ReadableStream;
  stdout?: NodeJS.WritableStream;
  signal: AbortSignal;
}

/**
 * The service's own MCP server for programs that speak to their servers over stdio: each message goes to `/mcp` and each reply
 * comes back, so that tools, scopes and restrictions are those of the service. Ends with its input.
 */
export async function relayMcp(
  { apiKey, baseUrl }: ClientOptions,
  { signal, stdin, stdout }: Relay,
): Promise<void> {
  const near = new StdioServerTransport(stdin as never, stdout as never);
  const far = new StreamableHTTPClientTransport(new URL('/mcp', baseUrl), {
    requestInit: { headers: { 'X-API-Key': apiKey ?? '' } },
  });
  const ended = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
    (stdin ?? process.stdin).once('end', resolve);
  });
  far.onmessage = (message) => {
    const version = initialized(message);
    if (version !== undefined) far.setProtocolVersion(version);
    void near.send(message);
  };
  const underway = new Set<Promise<void>>();
  near.onmessage = (message) => {
    const sent = far
      .send(message)
      .catch(async (error: Error) => {
        const reply = failureOf(message, error);
        if (reply) await near.send(reply);
      })
      .finally(() => underway.delete(sent));
    underway.add(sent);
  };
  await far.start();
  await near.start();
  await ended;
  // Who sends a question and closes its end still reads the answer.
  if (!signal.aborted) await Promise.all(underway);
  await Promise.all([near.close(), far.close()]);
}

/** The version of the protocol that the service has agreed to, where the message says so. */
function initialized(message: JSONRPCMessage): string | undefined {
  if (!('result' in message)) return undefined;
  const { protocolVersion } = message.result as { protocolVersion?: unknown };
  return typeof protocolVersion === 'string' ? protocolVersion : undefined;
}

/** Notifications get no reply, not even of a failure. */
function failureOf(message: JSONRPCMessage, error: Error): JSONRPCMessage | undefined {
  if (!('id' in message) || !('method' in message) || message.id === undefined) return undefined;
  return { jsonrpc: '2.0', id: message.id, error: { code: internalError, message: error.message } };
}
