import { z } from 'zod';
import { acceptingTransaction } from '../db/accept-documents.ts';
import { findDocument } from '../db/documents.ts';
import { compareTexts, findVersion, listVersionsOf } from '../db/history.ts';
import { restoreVersion } from '../db/restore-version.ts';
import { AppError } from '../errors.ts';
import { nudgeIngestion } from '../jobs/nudge-versions.ts';
import type { ApiContext } from './app.ts';
import { refuseWhenFull } from './backpressure.ts';
import { documentSchema, noDocument, toDocument } from './document-resource.ts';
import { type AnyRoute, type Caller, route } from './route.ts';
import { idParams, listOf, ordinal, pageQuery, versionParams } from './schemas.ts';
import { diffSchema, toDiff, toVersion, versionSchema } from './version-resource.ts';

const paths = '/api/v1/documents/{id}/versions';

export function documentVersionRoutes(context: ApiContext): AnyRoute[] {
  const { db } = context;
  const shared = { method: 'get', scope: 'read', tag: 'documents' } as const;
  const mustExist = async (id: string, n: number, { access }: Caller) => {
    const row = await findVersion(db, id, n, access);
    if (!row) throw new AppError('not_found', 'There is no such version of such a document.');
    return row;
  };
  return [
    route({
      ...shared,
      paths: [paths],
      summary: 'Versions, newest first, with what was said of each, by whom and when',
      params: idParams,
      query: z.strictObject({ ...pageQuery, cursor: ordinal.optional() }),
      responses: { 200: { description: 'A page', schema: listOf(versionSchema) } },
      handler: async ({ params, query, caller: { access } }) => {
        if (!(await findDocument(db, params.id, access))) throw noDocument();
        const page = { before: query.cursor, limit: query.limit + 1, access };
        const rows = await listVersionsOf(db, params.id, page);
        const shown = rows.slice(0, query.limit);
        const next_cursor = rows.length > query.limit ? String(shown.at(-1)?.version) : null;
        return { status: 200, body: { items: shown.map((row) => toVersion(params.id, row)), next_cursor } };
      },
    }),
    route({
      ...shared,
      paths: [`${paths}/{n}`],
      summary: 'A version',
      params: versionParams,
      responses: { 200: { description: 'The version', schema: versionSchema } },
      handler: async ({ params, caller }) => ({
        status: 200,
        body: toVersion(params.id, await mustExist(params.id, params.n, caller)),
      }),
    }),
    route({
      ...shared,
      paths: [`${paths}/{n}/diff`],
      summary: 'What is different in this version, seen from another one',
      params: versionParams,
      query: z.strictObject({ against: ordinal.optional().describe('The version before it unless given') }),
      responses: { 200: { description: 'The differences', schema: diffSchema } },
      handler: async ({ params: { id, n }, query, caller }) => {
        const to = await mustExist(id, n, caller);
        const from = await mustExist(id, query.against ?? Math.max(1, n - 1), caller);
        const text = await compareTexts(db, id, from.version, to.version);
        return { status: 200, body: toDiff(id, from, to, text) };
      },
    }),
    restoreRoute(context),
  ];
}

function restoreRoute(context: ApiContext): AnyRoute {
  const { db, queues } = context;
  return route({
    method: 'post',
    paths: [`${paths}/{n}/restore`],
    scope: 'write',
    tag: 'documents',
    summary: 'Make a new version with the content and attributes of this one',
    creates: true,
    params: versionParams,
    responses: {
      202: { description: 'Accepted: the new version is built beside the live one', schema: documentSchema },
      200: { description: 'Unchanged: the newest version is the same', schema: documentSchema },
    },
    handler: async ({ params: { id, n }, caller }) => {
      await refuseWhenFull(context, 'ingestion');
      const { version, outcome, row } = await acceptingTransaction(db, async (trx) => {
        const restored = await restoreVersion(trx, id, n, { apiKeyId: caller.id, access: caller.access });
        return { ...restored, row: await findDocument(trx, id, caller.access) };
      });
      if (outcome === 'accepted')
        await nudgeIngestion({ db, enqueue: queues.enqueue }, [{ documentId: id, version }]);
      if (!row) throw noDocument();
      return {
        status: outcome === 'accepted' ? 202 : 200,
        body: toDocument(row),
        headers: { Location: `/api/v1/documents/${id}`, 'Retry-After': '1' },
      };
    },
  });
}
