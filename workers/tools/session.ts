import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { version } from '../../src/version.ts';
import { limitedFetch, tooLarge } from './limited-fetch.ts';
import type { ServerSettings } from './server-settings.ts';
import { ToolFault } from './tool.ts';

/** One connection to a server, until it breaks. */
export interface Session {
  client: Client;
  /** Fires once it is of no use any more, with the ToolFault that says why. */
  ended: AbortSignal;
  /** Ends it; a child process ends with it. */
  end(fault: ToolFault): Promise<void>;
}

export interface SessionOptions {
  /** Most bytes of one message. */
  maxBytes: number;
  connectMs: number;
  /** The server says that its tools are others now. */
  onToolsChanged(): void;
}

/** Opens a connection. The SDK is loaded by the first one: a worker without servers does without it. Throws ToolFault. */
export async function openSession(settings: ServerSettings, options: SessionOptions): Promise<Session> {
  const [{ Client: McpClient }, { ToolListChangedNotificationSchema }] = await Promise.all([
    import('@modelcontextprotocol/sdk/client/index.js'),
    import('@modelcontextprotocol/sdk/types.js'),
  ]);
  const client = new McpClient({ name: 'dt-rag', version }, { capabilities: {} });
  const controller = new AbortController();
  const end = async (fault: ToolFault) => {
    if (!controller.signal.aborted) controller.abort(fault);
    await client.close();
  };
  const broken = (fault: ToolFault) => void end(fault).catch(() => undefined);
  client.onclose = () => broken(new ToolFault('unavailable', 'The server closed the connection.'));
  // The only error that is an end is a message without one.
  client.onerror = ({ message }) => /maximum size/.test(message) && broken(tooLarge(options.maxBytes));
  client.setNotificationHandler(ToolListChangedNotificationSchema, options.onToolsChanged);
  const transport = await openTransport(settings, options.maxBytes, broken);
  try {
    await client.connect(transport, { timeout: options.connectMs, maxTotalTimeout: options.connectMs });
  } catch (error) {
    await client.close();
    if (error instanceof ToolFault) throw error;
    throw new ToolFault('unavailable', 'The server could not be reached.', { cause: error });
  }
  return { client, ended: controller.signal, end };
}

async function openTransport(
  settings: ServerSettings,
  maxBytes: number,
  broken: (fault: ToolFault) => void,
): Promise<Transport> {
  if (settings.kind === 'stdio') {
    const { StdioClientTransport } = await import('@modelcontextprotocol/sdk/client/stdio.js');
    const { command, args, env, cwd } = settings;
    // Beside what is named, a child gets what a shell needs: PATH, HOME and the like, none of our settings.
    return new StdioClientTransport({
      ...{ command, args, env, stderr: 'ignore', maxBufferSize: maxBytes },
      ...(cwd === undefined ? {} : { cwd }),
    });
  }
  const { StreamableHTTPClientTransport } = await import(
    '@modelcontextprotocol/sdk/client/streamableHttp.js'
  );
  const transport = new StreamableHTTPClientTransport(new URL(settings.url), {
    fetch: limitedFetch({ maxBytes, broken }),
    requestInit: { headers: settings.headers },
  });
  // Its sessionId may be undefined, which the interface does not say.
  return transport as Transport;
}
