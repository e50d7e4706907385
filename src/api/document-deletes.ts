import { z } from 'zod';
import { type Access, collectionName, homeCollection, principalOf } from '../access.ts';
import { countSelected, type DocumentSelection } from '../db/document-selection.ts';
import { beginDelete, beginDeleteOf, beginDeleteOfMany, type OperationRow } from '../db/operations.ts';
import { narrows } from '../db/search.ts';
import { toFilters } from '../retrieval/filters.ts';
import type { ApiContext } from './app.ts';
import { noDocument } from './document-resource.ts';
import { operationSchema, toOperation } from './operations.ts';
import { type AnyRoute, type Reply, route } from './route.ts';
import { canonicalIn, idParams, metadata, storable, timestamp } from './schemas.ts';

const name = storable(z.string().min(1).max(500));
const ofNames = "Of this collection; names without it are those of the key's only one, or of `default`";
const narrowing = 'must name something: an empty filter would mean every document';

const selection = z
  .strictObject({
    filters: z
      .strictObject({
        canonical_in: canonicalIn.min(1, narrowing).optional(),
        document_ids: z.array(z.uuid()).min(1, narrowing).max(1000).optional(),
        collections: z.array(collectionName).min(1, narrowing).max(100).optional(),
        metadata: metadata.refine((value) => Object.keys(value).length > 0, narrowing).optional(),
      })
      .refine((given) => Object.values(given).some((value) => value !== undefined), narrowing)
      .optional(),
    collection: collectionName.optional().describe(ofNames),
    external_ids: z.array(name).min(1, narrowing).max(1000).optional(),
    external_id_prefix: name.optional(),
    created_before: timestamp.optional(),
    updated_before: timestamp.optional(),
    dry_run: z.boolean().default(false).describe('true: only says how many documents match'),
  })
  .refine(({ dry_run: _, ...given }) => Object.values(given).some((value) => value !== undefined), {
    error: `give at least one of filters, collection, external_ids, external_id_prefix, created_before, updated_before: what is given must hold together, and nothing ${narrowing}`,
    path: ['filters'],
  })
  .meta({ id: 'DocumentSelection' });

const matchedSchema = z
  .object({ dry_run: z.literal(true), matched: z.int() })
  .meta({ id: 'MatchedDocuments' });
const accepted = {
  202: { description: 'The operation; its receipt counts what went', schema: operationSchema },
};
const shared = { scope: 'write', tag: 'documents', responses: accepted } as const;

export function documentDeleteRoutes(context: ApiContext): AnyRoute[] {
  const { db } = context;
  return [
    route({
      ...shared,
      method: 'delete',
      paths: ['/api/v1/documents/{id}'],
      summary: 'Delete: hidden from search, answers and caches at once, then removed',
      params: idParams,
      handler: async ({ params, caller }) =>
        begun(context, await beginDelete(db, params.id, principalOf(caller))),
    }),
    route({
      ...shared,
      method: 'delete',
      paths: ['/api/v1/documents'],
      summary: 'Delete the document with this external_id',
      query: z.strictObject({ external_id: name, collection: collectionName.optional().describe(ofNames) }),
      handler: async ({ query, caller }) => {
        const { external_id: externalId, collection = homeCollection(caller.access) } = query;
        return begun(context, await beginDeleteOf(db, { externalId, collection }, principalOf(caller)));
      },
    }),
    route({
      ...shared,
      method: 'post',
      paths: ['/api/v1/documents/delete'],
      summary: 'Delete every document that matches at this moment, as one operation',
      creates: true,
      audited: true,
      body: selection,
      responses: { ...accepted, 200: { description: 'dry_run: how many match', schema: matchedSchema } },
      handler: async ({ body, caller, workId, audit }) => {
        const selected = toSelection(body, caller.access);
        if (body.dry_run) {
          audit.drop();
          return { status: 200, body: { dry_run: true, matched: await countSelected(db, selected) } };
        }
        const { dry_run: _, ...given } = body;
        audit.note({ after: { selection: given, operation: workId } });
        return begun(context, await beginDeleteOfMany(db, workId, selected, principalOf(caller)));
      },
    }),
  ];
}

async function begun({ queues }: ApiContext, operation: OperationRow | undefined): Promise<Reply> {
  if (!operation) throw noDocument();
  await queues.enqueue('deleteDocument', [{ operationId: operation.id }]);
  const headers = { Location: `/api/v1/operations/${operation.id}`, 'Retry-After': '1' };
  return { status: 202, body: toOperation(operation), headers };
}

/** Names are those of one collection, unless the filters say which: two documents of one name are two documents. */
function toSelection(body: z.output<typeof selection>, access: Access | undefined): DocumentSelection {
  const named = body.external_ids !== undefined || body.external_id_prefix !== undefined;
  const home = named && !body.filters?.collections ? homeCollection(access) : undefined;
  const filters = { ...toFilters(body.filters), ...(access && { access }) };
  return {
    filters: narrows(filters) ? filters : undefined,
    collection: body.collection ?? home,
    externalIds: body.external_ids,
    externalIdPrefix: body.external_id_prefix,
    createdBefore: body.created_before,
    updatedBefore: body.updated_before,
  };
}
