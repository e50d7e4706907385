import { z } from 'zod';
import { collectionName } from '../access.ts';
import { type Accepted, acceptDocuments, acceptingTransaction } from '../db/accept-documents.ts';
import { documentStatuses, findDocument, listChunks, listDocuments } from '../db/documents.ts';
import { readVersionText } from '../db/version-text.ts';
import { AppError } from '../errors.ts';
import { nudgeIngestion } from '../jobs/nudge-versions.ts';
import { urlPolicy } from '../net/url-policy.ts';
import type { ApiContext } from './app.ts';
import { refuseWhenFull } from './backpressure.ts';
import { documentSchema, noDocument, toDocument } from './document-resource.ts';
import { documentBody, fromBody } from './new-document.ts';
import { type AnyRoute, type Caller, type Reply, route } from './route.ts';
import { idParams, listOf, pageQuery, positionCursor, storable, versionParams } from './schemas.ts';
import { sendText } from './send-text.ts';
import { fileForm, fromUpload } from './upload.ts';

export function documentRoutes(context: ApiContext): AnyRoute[] {
  return [createRoute(context), ...readRoutes(context)];
}

function createRoute(context: ApiContext): AnyRoute {
  const { config, db, queues } = context;
  return route({
    method: 'post',
    paths: ['/api/v1/documents'],
    scope: 'write',
    tag: 'documents',
    summary: 'Add a document, or a new version of the one with this external_id',
    creates: true,
    body: documentBody,
    alsoAccepts: { 'multipart/form-data': fileForm },
    maxFiles: 1,
    responses: {
      202: { description: 'Accepted', schema: documentSchema },
      200: { description: 'Unchanged: this content is there already', schema: documentSchema },
    },
    handler: async (request): Promise<Reply> => {
      await refuseWhenFull(context, 'ingestion');
      const document = request.upload
        ? fromUpload(request.upload)
        : [fromBody(request.body, urlPolicy(config))];
      const options = {
        apiKeyId: request.caller.id,
        access: request.caller.access,
        createPaths: config.AUTO_CREATE_TAXONOMY,
        piiPolicy: config.PII_POLICY,
        workId: request.workId,
      };
      const { documentId, version, outcome, row } = await acceptingTransaction(db, async (trx) => {
        const [accepted] = (await acceptDocuments(trx, document, options)) as [Accepted];
        // Read here: a moment later it may be deleted.
        return { ...accepted, row: await findDocument(trx, accepted.documentId, request.caller.access) };
      });
      if (outcome === 'accepted')
        await nudgeIngestion({ db, enqueue: queues.enqueue }, [{ documentId, version }]);
      if (!row) throw noDocument();
      return {
        status: outcome === 'accepted' ? 202 : 200,
        body: toDocument(row),
        headers: { Location: `/api/v1/documents/${documentId}`, 'Retry-After': '1' },
      };
    },
  });
}

const listQuery = z.strictObject({
  ...pageQuery,
  status: z.enum(documentStatuses).optional(),
  collection: collectionName.optional(),
  external_id: storable(z.string().max(500)).optional(),
  external_id_prefix: storable(z.string().max(500)).optional(),
});
const chunkSchema = z.object({
  id: z.uuid(),
  n: z.int(),
  version: z.int(),
  char_range: z.tuple([z.int(), z.int()]),
  page: z.int().nullable(),
  heading: z.string().nullable(),
  text: z.string(),
});
const chunkQuery = z.strictObject({
  ...pageQuery,
  cursor: positionCursor,
});
function readRoutes({ db, log }: ApiContext): AnyRoute[] {
  const shared = { method: 'get', scope: 'read', tag: 'documents' } as const;
  const mustExist = async (id: string, { access }: Caller) => {
    const row = await findDocument(db, id, access);
    if (!row) throw noDocument();
    return row;
  };
  return [
    route({
      ...shared,
      paths: ['/api/v1/documents'],
      summary: 'Documents, newest first',
      query: listQuery,
      responses: { 200: { description: 'A page', schema: listOf(documentSchema) } },
      handler: async ({ query, caller }) => {
        const { external_id: externalId, external_id_prefix: externalIdPrefix, ...rest } = query;
        const page = await listDocuments(db, { ...rest, externalId, externalIdPrefix }, caller.access);
        return { status: 200, body: { items: page.items.map(toDocument), next_cursor: page.next_cursor } };
      },
    }),
    route({
      ...shared,
      paths: ['/api/v1/documents/{id}'],
      summary: 'A document and how far its newest version got',
      params: idParams,
      responses: { 200: { description: 'The document', schema: documentSchema } },
      handler: async ({ params, caller }) => ({
        status: 200,
        body: toDocument(await mustExist(params.id, caller)),
      }),
    }),
    route({
      ...shared,
      paths: ['/api/v1/documents/{id}/versions/{n}/text'],
      summary: 'The text that the offsets of this version point into',
      params: versionParams,
      responses: { 200: { description: 'Plain text, UTF-8', schema: z.string(), mediaType: 'text/plain' } },
      handler: async ({ params, caller }) => {
        const parts = readVersionText(db, params.id, params.n, caller.access);
        const first = await parts.next();
        if (first.done) throw new AppError('not_found', 'There is no such version, or it has no text (yet).');
        return { status: 200, send: await sendText(first.value, parts, log) };
      },
    }),
    route({
      ...shared,
      paths: ['/api/v1/documents/{id}/chunks'],
      summary: 'Chunks of the live version, in order',
      params: idParams,
      query: chunkQuery,
      responses: { 200: { description: 'A page', schema: listOf(chunkSchema) } },
      handler: async ({ params, query, caller }) => {
        await mustExist(params.id, caller);
        const { access } = caller;
        const rows = await listChunks(db, params.id, { from: query.cursor, limit: query.limit + 1, access });
        const items = rows
          .slice(0, query.limit)
          .map(({ start_char, end_char, ...chunk }) => ({ ...chunk, char_range: [start_char, end_char] }));
        const next = rows[query.limit];
        return { status: 200, body: { items, next_cursor: next ? String(next.n) : null } };
      },
    }),
  ];
}
