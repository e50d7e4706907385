import { createDocument } from 'zod-openapi';
import { version } from '../version.ts';
import type { AnyRoute } from './route.ts';
import { problemSchema } from './schemas.ts';

/** The OpenAPI 3.1 document of the routes, from the schemas that validate them. */
export function describeApi(routes: readonly AnyRoute[]): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const spec of routes) {
    spec.paths.forEach((path, alias) => {
      paths[path] = { ...paths[path], [spec.method]: describeRoute(spec, path, alias) };
    });
  }
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'DT-RAG',
      version,
      description: 'Retrieval-augmented generation on queues: ingest, ask, check, operate.',
    },
    servers: [{ url: '/' }],
    paths: paths as never,
    components: {
      securitySchemes: {
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        bearer: { type: 'http', scheme: 'bearer' },
      },
    },
  }) as unknown as Record<string, unknown>;
}

function describeRoute(spec: AnyRoute, path: string, alias: number): Record<string, unknown> {
  const responses: Record<string, unknown> = {};
  for (const [status, { description, schema, mediaType = 'application/json' }] of Object.entries(
    spec.responses,
  )) {
    responses[status] = { description, ...(schema ? { content: { [mediaType]: { schema } } } : {}) };
  }
  responses.default = {
    description: 'A problem document (RFC 9457)',
    content: { 'application/problem+json': { schema: problemSchema } },
  };
  const content = {
    ...(spec.body ? { 'application/json': { schema: spec.body } } : {}),
    ...Object.fromEntries(Object.entries(spec.alsoAccepts ?? {}).map(([type, schema]) => [type, { schema }])),
  };
  const named =
    path
      .replace(/^\/(api\/v1\/)?/, '')
      .replace(/\{(\w+)\}/g, 'by_$1')
      .replace(/[^\w]+/g, '_') || 'root';
  return {
    operationId: `${spec.method}_${named}${alias > 0 ? `_${alias}` : ''}`,
    summary: spec.summary,
    tags: [spec.tag],
    ...(spec.scope
      ? { security: [{ apiKey: [] }, { bearer: [] }], description: `Scope: ${spec.scope}.` }
      : { security: [] }),
    requestParams: {
      ...(spec.params ? { path: spec.params } : {}),
      ...(spec.query ? { query: spec.query } : {}),
    },
    ...(Object.keys(content).length > 0 ? { requestBody: { required: true, content } } : {}),
    responses,
  };
}
