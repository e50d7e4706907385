import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import express, { type Express } from 'express';

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
