import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import type { Express, RequestHandler } from 'express';
import { insertAudit } from '../db/audit.ts';
import { hashKey, sameHash } from '../keys.ts';
import type { ApiContext } from './app.ts';
import { environmentAdmin } from './auth.ts';

const boardPath = '/admin/queues';
/** Jobs on a page of the board. */
const mostJobs = 100;

type BoardContext = Pick<ApiContext, 'config' | 'queues' | 'secrets' | 'workers' | 'callers' | 'db'>;

/** Bull Board behind a browser login: any user name, the admin key as password. It only shows, unless configured. */
export function mountBoard(app: Express, context: BoardContext): void {
  const { config, queues, workers } = context;
  const readOnlyMode = config.BOARD_READ_ONLY;
  const adapter = new ExpressAdapter();
  adapter.setBasePath(boardPath);
  createBullBoard({
    queues: queues.list.map((queue) =>
      withLiveWorkers(new BullMQAdapter(queue, { readOnlyMode }), queue.name, workers),
    ),
    serverAdapter: adapter,
    options: { uiConfig: { boardTitle: 'DT-RAG queues' } },
  });
  const writes = readOnlyMode ? refuseWrites : auditWrites(context);
  app.use(boardPath, login(context), sameOrigin, writes, refuseLongPages, adapter.getRouter());
}

/** BullMQ asks the store who is connected, which the embedded database can't tell: our workers say that they live themselves. */
function withLiveWorkers(
  adapter: BullMQAdapter,
  queue: string,
  workers: ApiContext['workers'],
): BullMQAdapter {
  adapter.getWorkers = async () =>
    (await workers())
      .filter(({ queues }) => queues.includes(queue))
      .map(({ id, process, age }) => ({ id, name: null, addr: process, age }));
  return adapter;
}

function login({ secrets: { adminKey, secretKey }, callers: { failed } }: BoardContext): RequestHandler {
  const expected = hashKey(adminKey, secretKey);
  return (request, response, next) => {
    const [scheme, encoded] = (request.get('authorization') ?? '').split(' ');
    const credentials =
      scheme?.toLowerCase() === 'basic' ? Buffer.from(encoded ?? '', 'base64').toString('utf8') : '';
    const password = credentials.slice(credentials.indexOf(':') + 1);
    if (credentials.includes(':') && sameHash(hashKey(password, secretKey), expected)) {
      next();
      return;
    }
    // Without a login the browser has yet to ask for one.
    const wait = credentials === '' ? undefined : failed.count(request.ip);
    if (wait !== undefined) {
      response.set('Retry-After', String(Math.ceil(wait)));
      response.status(429).type('text/plain').send('Wrong keys keep coming from this address.');
      return;
    }
    response.set(
      'WWW-Authenticate',
      'Basic realm="DT-RAG queues: any name, the admin API key as password", charset="UTF-8"',
    );
    response
      .status(401)
      .type('text/plain')
      .send('Log in with any user name and the admin API key as password.');
  };
}

const isRead = (method: string) => method === 'GET' || method === 'HEAD';

/** The browser sends the login by itself, so a write must come from our own page. */
const sameOrigin: RequestHandler = (request, response, next) => {
  const site = request.get('sec-fetch-site');
  const origin = request.get('origin');
  const ours = site === undefined || site === 'same-origin' || site === 'none';
  const sameHost =
    origin === undefined || (URL.canParse(origin) && new URL(origin).host === request.get('host'));
  if (isRead(request.method) || (ours && sameHost)) next();
  else response.status(403).type('text/plain').send('Requests from other sites are refused.');
};

/** The board's own check is per queue: this one is for whatever it may learn to change. */
const refuseWrites: RequestHandler = (request, response, next) => {
  if (isRead(request.method)) next();
  else
    response
      .status(403)
      .type('text/plain')
      .send('The board only shows: BOARD_READ_ONLY=false lets it change.');
};

/** What is changed here is changed by the store at once, so the entry comes first. */
function auditWrites({ db }: BoardContext): RequestHandler {
  return async (request, _response, next) => {
    if (!isRead(request.method))
      await insertAudit(db, {
        actorId: environmentAdmin.id,
        actorName: environmentAdmin.name,
        actorIp: request.ip ?? null,
        method: request.method,
        route: boardPath,
        target: request.originalUrl.split('?')[0] as string,
        before: undefined,
        after: undefined,
        error: null,
        requestId: String(request.id),
      });
    next();
  };
}

const refuseLongPages: RequestHandler = (request, response, next) => {
  if (Number(request.query.jobsPerPage ?? 0) <= mostJobs) next();
  else response.status(422).type('text/plain').send(`jobsPerPage may be at most ${mostJobs}.`);
};
