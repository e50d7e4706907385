import type { Tool as ListedTool } from '@modelcontextprotocol/sdk/types.js';
import { untilAborted } from '../answer/steps.ts';
import { type Connection, createConnection } from './connection.ts';
import { readResult } from './read-result.ts';
import type { SchemaChecks } from './schema-check.ts';
import type { ServerSettings } from './server-settings.ts';
import type { Session } from './session.ts';
import { type Arguments, type Tool, ToolFault, type ToolResult } from './tool.ts';
import { type Listing, listTools } from './tool-list.ts';

export interface McpServerOptions {
  checks: SchemaChecks;
  /** Most bytes of one message. */
  maxBytes: number;
  connectMs: number;
  /** How long a list of tools is believed. */
  listMs: number;
  /** Told when its condition or its tools have changed. */
  onChange(state: ServerState): void;
}

export interface ServerState {
  name: string;
  kind: ServerSettings['kind'];
  condition: 'unopened' | 'ready' | 'failed';
  /** Why it failed: a sentence of ours. */
  detail: string | null;
  tools: { name: string; description: string }[];
  /** Tools that are not offered, with why. */
  refused: { name: string; reason: string }[];
}

export interface McpServer {
  readonly name: string;
  /** Its tools as they are now; opens the connection where there is none. Throws ToolFault; the signal's reason. */
  tools(signal: AbortSignal): Promise<Tool[]>;
  close(): Promise<void>;
}

/** So many calls in a row without a reply, and the connection is made anew. */
const mostTimeouts = 3;

/** A server of the configuration, with the tools that it says it has. */
export function createMcpServer(settings: ServerSettings, options: McpServerOptions): McpServer {
  const { name, kind } = settings;
  let listed: { at: number; listing: Promise<Listing> } | undefined;
  const forget = () => {
    listed = undefined;
  };
  const connection = createConnection(settings, { ...options, onToolsChanged: forget }, (fault) => {
    forget();
    options.onChange({ name, kind, condition: 'failed', detail: fault.message, tools: [], refused: [] });
  });
  const call = createCall(connection, options.checks);
  const listAnew = async (): Promise<Listing> => {
    const session = await connection.open();
    const found = await listTools(session, { ...options, name, call }).catch((error) => {
      const fault = asFault(error, session);
      void endQuietly(session, fault);
      throw fault;
    });
    const tools = found.tools.map((tool) => ({ name: tool.name, description: tool.description }));
    options.onChange({ name, kind, condition: 'ready', detail: null, tools, refused: found.refused });
    return found;
  };
  const list = (): Promise<Listing> => {
    if (listed && performance.now() - listed.at < options.listMs) return listed.listing;
    const own = { at: performance.now(), listing: listAnew() };
    listed = own;
    own.listing.catch(() => {
      if (listed === own) forget();
    });
    return own.listing;
  };
  return {
    name,
    tools: async (signal) => (await untilAborted(signal, list)).tools,
    close: connection.close,
  };
}

function createCall(connection: Connection, checks: SchemaChecks): CallTool {
  let timeouts = 0;
  return async (tool, given, { timeoutMs, signal }) => {
    const session = await untilAborted(signal, connection.open);
    try {
      const reply = await request(session, tool, given, { timeoutMs, signal });
      timeouts = 0;
      connection.worked();
      return readResult(reply, tool, checks);
    } catch (error) {
      const fault = asFault(error, session);
      const late = fault.code === 'timeout' || (signal.reason as Error | undefined)?.name === 'TimeoutError';
      if (late) timeouts += 1;
      if (timeouts >= mostTimeouts || (fault.code === 'unavailable' && !signal.aborted)) {
        timeouts = 0;
        void endQuietly(session, fault);
      }
      signal.throwIfAborted();
      throw fault;
    }
  };
}

async function request(session: Session, tool: ListedTool, given: Arguments, limits: CallOptions) {
  const { CallToolResultSchema } = await import('@modelcontextprotocol/sdk/types.js');
  const params = { name: tool.name, arguments: given };
  return session.client.request({ method: 'tools/call', params }, CallToolResultSchema, {
    signal: AbortSignal.any([limits.signal, session.ended]),
    ...{ timeout: limits.timeoutMs, maxTotalTimeout: limits.timeoutMs },
  });
}

/** What it is ended for is known; that it could not be ended well helps nobody. */
async function endQuietly(session: Session, fault: ToolFault): Promise<void> {
  await session.end(fault).catch(() => undefined);
}

export interface CallOptions {
  timeoutMs: number;
  signal: AbortSignal;
}
export type CallTool = (tool: ListedTool, given: Arguments, options: CallOptions) => Promise<ToolResult>;

/** JSON-RPC code of the SDK for a reply that did not come in time. */
const requestTimeout = -32_001;

function asFault(error: unknown, session: Session): ToolFault {
  if (error instanceof ToolFault) return error;
  if (session.ended.aborted) return session.ended.reason;
  const { code, issues } = error as { code?: unknown; issues?: unknown };
  if (code === requestTimeout)
    return new ToolFault('timeout', 'The server did not answer in time.', { cause: error });
  // Its session is over, or it is out of order: another connection may do.
  if (error instanceof Error && error.message.startsWith('Streamable HTTP error'))
    return new ToolFault('unavailable', 'The server answered with an HTTP error.', { cause: error });
  if (Array.isArray(issues))
    return new ToolFault('bad_output', 'The reply is not of the form that the protocol wants.', {
      cause: error,
    });
  return new ToolFault('failed', 'The server refused the call.', { cause: error });
}
