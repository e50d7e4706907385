import { randomUUID } from 'node:crypto';
import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import helmet from 'helmet';
import type { Knex } from 'knex';
import { pinoHttp } from 'pino-http';
import type { Callers } from '../callers/callers.ts';
import type { Classification } from '../classify/classification.ts';
import type { Config } from '../config.ts';
import type { LiveWorker } from '../db/heartbeats.ts';
import type { Notifications } from '../db/notifications.ts';
import { AppError } from '../errors.ts';
import type { FlagService } from '../flag-service.ts';
import type { Queues } from '../jobs/queues.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { EmbedderPool } from '../models/embedder-pool.ts';
import type { Reranking } from '../retrieval/rerank.ts';
import type { Search } from '../retrieval/search.ts';
import type { Secrets } from '../secrets.ts';
import { isAudited, noAudit, withAudit } from './audit.ts';
import { type Authenticate, createAuthenticate } from './auth.ts';
import { mountBoard } from './board.ts';
import { limitBodyTime } from './body-time.ts';
import { allowOrigins } from './cors.ts';
import { errorHandler } from './error-handler.ts';
import { requestHash, withIdempotency } from './idempotency.ts';
import { mountMcp } from './mcp.ts';
import { ndjson } from './media.ts';
import { describeApi } from './openapi.ts';
import { mountDocs } from './pages.ts';
import { type AnyRoute, type Reply, readsRaw, validate } from './route.ts';
import { routes } from './routes.ts';
import { discardUpload, isUpload, readUpload } from './upload.ts';

/** What the API works with. Everything is handed in: nothing here opens a connection. */
export interface ApiContext {
  config: Config;
  secrets: Secrets;
  db: Knex;
  callers: Callers;
  notifications: Notifications;
  queues: Queues;
  flags: FlagService;
  /** null: none is configured. */
  reranking: Reranking | null;
  search: Search;
  classification: Classification;
  embedders: EmbedderPool;
  log: Log;
  metrics: Metrics;
  /** Worker processes that live. */
  workers: () => Promise<LiveWorker[]>;
  /** Aborted from the first request to stop. */
  stopping: AbortSignal;
}

/** The whole door, in the order in which a request meets it. */
export function createApp(context: ApiContext): Express {
  const { config, log } = context;
  const app = express();
  app.disable('x-powered-by');
  app.set('trust proxy', config.TRUST_PROXY);
  app.set('query parser', 'simple');
  app.use(requestLog(log));
  app.use(measure(context.metrics));
  app.use(securityHeaders());
  mountBoard(app, context);
  allowOrigins(app, config.CORS_ORIGINS);
  app.use(limitBodyTime(ndjson));
  app.use(express.json({ limit: '1mb', strict: false }));
  const all = routes(context);
  mountDocs(app);
  const authenticate = createAuthenticate(context.callers, context.secrets);
  for (const spec of all) {
    const handler = serve(spec, context, authenticate);
    for (const path of spec.paths) app[spec.method](path.replace(/\{(\w+)\}/g, ':$1'), handler);
  }
  mountMcp(app, context, authenticate, all);
  const document = describeApi(all);
  app.get('/api/v1/openapi.json', (_request, response) => void response.json(document));
  refuseOtherMethods(app, all);
  app.use(() => {
    throw new AppError('not_found', 'There is no such route: see /docs.');
  });
  app.use(errorHandler(log));
  return app;
}

// Swagger UI and Bull Board are served from here and run inline styles; nothing is loaded from elsewhere.
const contentPolicy = {
  'script-src': ["'self'", "'unsafe-inline'"],
  'style-src': ["'self'", "'unsafe-inline'"],
  'img-src': ["'self'", 'data:'],
  'upgrade-insecure-requests': null,
};

/** What helmet sets depends on no request: its dozen of steps are taken once, for all of them. */
function securityHeaders(): RequestHandler {
  const headers = new Map<string, string>();
  const noted = {
    setHeader: (name: string, value: string) => headers.set(name, value),
    removeHeader: (name: string) => headers.delete(name),
  };
  helmet({ contentSecurityPolicy: { directives: contentPolicy } })(
    {} as Request,
    noted as unknown as Response,
    (error?: unknown) => {
      if (error) throw error;
    },
  );
  return (_request, response, next) => {
    for (const [name, value] of headers) response.setHeader(name, value);
    next();
  };
}

function serve(spec: AnyRoute, context: ApiContext, authenticate: Authenticate): RequestHandler {
  return async (raw, response) => {
    response.locals.route = spec.paths[0];
    const caller = spec.scope === null ? undefined : await authenticate(raw, response, spec.scope);
    refuseOtherMedia(spec, raw);
    const { params, query, body } = validate(spec, raw);
    const upload =
      spec.maxFiles && isUpload(raw)
        ? await readUpload(raw, context.db, { maxMb: context.config.MAX_UPLOAD_MB, maxFiles: spec.maxFiles })
        : undefined;
    const gone = untilGone(response);
    const request = {
      ...{ params, query, body, upload, caller, requestId: String(raw.id), raw },
      get signal() {
        return gone();
      },
    };
    const handle = (workId: string) => {
      if (!caller || !isAudited(spec))
        return spec.handler(Object.assign(request, { workId, audit: noAudit }) as never);
      const { db, log } = context;
      return withAudit({ db, log, spec, raw, caller, params }, (audit) =>
        spec.handler(Object.assign(request, { workId, audit }) as never),
      );
    };
    const key = raw.get('idempotency-key');
    const streamed = spec.streams !== undefined && Boolean(raw.is(spec.streams));
    const answer = () =>
      spec.creates && key && caller && !streamed
        ? withIdempotency(
            context.db,
            caller,
            key,
            requestHash(raw, upload, context.secrets.secretKey),
            handle,
          )
        : handle(randomUUID());
    // After a refusal, a repetition or an unchanged document nobody has taken the files.
    const tidy = async () => upload && discardUpload(context.db, upload);
    send(response, await answer().finally(tidy));
  };
}

/** Gives a signal that fires when the client goes before its reply was sent; made when it is first asked for, which few handlers do. */
function untilGone(response: Response): () => AbortSignal {
  let controller: AbortController | undefined;
  return () => {
    if (controller) return controller.signal;
    const made = new AbortController();
    controller = made;
    const look = () => {
      if (!response.writableFinished) made.abort(new Error('the client has gone'));
    };
    if (response.closed) look();
    else response.on('close', look);
    return made.signal;
  };
}

/** A body that no parser took is of a type that this route does not read; no body at all is an invalid one. */
function refuseOtherMedia(spec: AnyRoute, raw: Request): void {
  if (!spec.body || raw.body !== undefined || readsRaw(spec, raw)) return;
  if (raw.get('content-type') === undefined || raw.is('json')) return;
  const accepted = ['application/json', ...Object.keys(spec.alsoAccepts ?? {})];
  throw new AppError('unsupported_media_type', `Send the body as ${accepted.join(' or ')}.`);
}

function send(response: Response, reply: Reply): void {
  response.status(reply.status).set(reply.headers ?? {});
  if (reply.send) reply.send(response);
  else if (reply.body === undefined) response.end();
  else if (response.req.method === 'GET' || response.req.method === 'HEAD') response.json(reply.body);
  else sendJson(response, reply.body);
}

/** As Express does, but without hashing it: nobody revalidates a reply to what is no read. */
function sendJson(response: Response, body: unknown): void {
  const text = JSON.stringify(body);
  if (!response.hasHeader('Content-Type'))
    response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Content-Length', Buffer.byteLength(text));
  response.end(text);
}

function refuseOtherMethods(app: Express, all: readonly AnyRoute[]): void {
  const methods = new Map<string, string[]>();
  for (const { method, paths } of all) {
    for (const path of paths) methods.set(path, [...(methods.get(path) ?? []), method.toUpperCase()]);
  }
  for (const [path, allowed] of methods) {
    app.all(path.replace(/\{(\w+)\}/g, ':$1'), (_request, response) => {
      response.set('Allow', allowed.join(', '));
      throw new AppError('method_not_allowed', `This route takes ${allowed.join(', ')}.`);
    });
  }
}

const quiet = new Set(['/health', '/health/live', '/health/ready', '/metrics']);

/** One line a request: no body, no query (it may hold a question), no key. */
function requestLog(log: Log): RequestHandler {
  return pinoHttp({
    logger: log,
    genReqId: (request, response) => {
      const given = request.headers['x-request-id'];
      const id = typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
      response.setHeader('X-Request-Id', id);
      return id;
    },
    customLogLevel: (_request, response) => (response.statusCode >= 500 ? 'warn' : 'info'),
    autoLogging: {
      ignore: (request) => quiet.has(pathOf(request.url)) || pathOf(request.url).startsWith('/admin/queues'),
    },
    // Wrapped ones are given a copy of all headers first, at every request.
    wrapSerializers: false,
    serializers: {
      req: ({ id, method, originalUrl, url }: Pick<Request, 'id' | 'method' | 'originalUrl' | 'url'>) => ({
        ...{ id, method, path: pathOf(originalUrl ?? url) },
      }),
      res: ({ headersSent, statusCode }: Response) => ({ status: headersSent ? statusCode : null }),
      // The error handler has logged the error itself.
      err: () => undefined,
    },
  }) as unknown as RequestHandler;
}

function pathOf(url: string | undefined): string {
  return (url ?? '').split('?')[0] as string;
}

function measure(metrics: Metrics): RequestHandler {
  return (request: Request, response: Response, next) => {
    const end = metrics.httpSeconds.startTimer();
    response.on('finish', () =>
      end({ method: request.method, route: response.locals.route ?? 'other', status: response.statusCode }),
    );
    next();
  };
}
