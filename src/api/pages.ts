import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import express, { type Express, type RequestHandler } from 'express';
import { hashKey, sameHash } from '../keys.ts';
import type { ApiContext } from './app.ts';

/** Swagger UI over our own document, from the package: nothing is loaded from elsewhere. */
export function mountDocs(app: Express): void {
  const assets = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  app.get('/docs', (_request, response) => void response.type('html').send(docsPage));
  app.use('/docs/assets', express.static(assets, { index: false, maxAge: '1d' }));
}

const docsPage = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>DT-RAG API</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css"><link rel="icon" href="/docs/assets/favicon-32x32.png"></head>
<body><div id="swagger-ui"></div><script src="/docs/assets/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({ url: '/api/v1/openapi.json', dom_id: '#swagger-ui', deepLinking: true, persistAuthorization: true, validatorUrl: null });</script>
</body></html>
`;

const boardPath = '/admin/queues';

/** Bull Board behind a browser login: any user name, the admin key as password. */
export function mountBoard(
  app: Express,
  { queues, secrets, workers }: Pick<ApiContext, 'queues' | 'secrets' | 'workers'>,
): void {
  const adapter = new ExpressAdapter();
  adapter.setBasePath(boardPath);
  createBullBoard({
    queues: queues.list.map((queue) => withLiveWorkers(new BullMQAdapter(queue), queue.name, workers)),
    serverAdapter: adapter,
    options: { uiConfig: { boardTitle: 'DT-RAG queues' } },
  });
  app.use(boardPath, login(secrets), sameOrigin, adapter.getRouter());
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

function login({ adminKey, secretKey }: ApiContext['secrets']): RequestHandler {
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

/** The browser sends the login by itself, so a write must come from our own page. */
const sameOrigin: RequestHandler = (request, response, next) => {
  const site = request.get('sec-fetch-site');
  const origin = request.get('origin');
  const ours = site === undefined || site === 'same-origin' || site === 'none';
  const sameHost =
    origin === undefined || (URL.canParse(origin) && new URL(origin).host === request.get('host'));
  if (['GET', 'HEAD'].includes(request.method) || (ours && sameHost)) next();
  else response.status(403).type('text/plain').send('Requests from other sites are refused.');
};
