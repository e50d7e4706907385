import type { Express, Request, RequestHandler, Response } from 'express';
import { AppError } from '../errors.ts';
import type { ApiContext } from './app.ts';
import type { Authenticate } from './auth.ts';
import { callRoute } from './call-route.ts';
import type { AnyRoute } from './route.ts';

const path = '/mcp';

type McpContext = Pick<ApiContext, 'config' | 'log'>;

/**
 * The service as a server of the Model Context Protocol (streamable HTTP, without sessions): the routes of the API, with the same
 * keys, scopes and restrictions. One message a request, so that each counts against the limits of its key.
 */
export function mountMcp(
  app: Express,
  { config, log }: McpContext,
  authenticate: Authenticate,
  all: readonly AnyRoute[],
): void {
  const handler: RequestHandler = async (raw, response) => {
    response.locals.route = path;
    refuseForeignPages(raw, config.CORS_ORIGINS);
    const caller = await authenticate(raw, response, 'read');
    if (raw.method !== 'POST') {
      response.set('Allow', 'POST');
      throw new AppError(
        'method_not_allowed',
        'This route takes POST: there are no sessions and no streams.',
      );
    }
    if (Array.isArray(raw.body))
      throw new AppError('validation_failed', 'The body must be one JSON-RPC message, not a list of them.');
    const signal = goneWith(response);
    const inner = { caller, requestId: String(raw.id), signal, address: raw.ip };
    // Loaded by the first request: most installations have none.
    const [{ createMcpServer }, { StreamableHTTPServerTransport }] = await Promise.all([
      import('../mcp/server.ts'),
      import('@modelcontextprotocol/sdk/server/streamableHttp.js'),
    ]);
    const server = createMcpServer({
      scope: caller.scope,
      call: async (call) => (await callRoute(all, call, inner)).body,
      onError: (error) => log.error({ err: error }, 'a call over MCP failed'),
    });
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
    response.on('close', () => void server.close().catch((err) => log.warn({ err }, 'closing MCP failed')));
    // Its sessionId may be undefined, which the interface does not say.
    await server.connect(transport as Parameters<typeof server.connect>[0]);
    await transport.handleRequest(raw, response, raw.body);
  };
  app.all(path, handler);
}

/** A page that a browser shows may not speak to us behind its user's back (DNS rebinding), unless CORS_ORIGINS has it. */
function refuseForeignPages(raw: Request, origins: readonly string[]): void {
  const origin = raw.get('origin');
  if (origin === undefined || origins.includes('*') || origins.includes(origin)) return;
  throw new AppError('forbidden', 'Pages of this origin may not call: CORS_ORIGINS does not name it.');
}

function goneWith(response: Response): AbortSignal {
  const controller = new AbortController();
  response.on('close', () => {
    if (!response.writableFinished) controller.abort(new Error('the client has gone'));
  });
  return controller.signal;
}
