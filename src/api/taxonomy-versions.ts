import { z } from 'zod';
import { type HistoryRow, lastChange, listHistory } from '../db/taxonomy-history.ts';
import { publishDraft, type Receipt, rollBack } from '../db/taxonomy-publish.ts';
import { bumps } from '../taxonomy/semver.ts';
import type { ApiContext } from './app.ts';
import { type AnyRoute, type Reply, route } from './route.ts';
import { listOf, ordinal, pageQuery, storable, timestamp } from './schemas.ts';
import { discardRoute } from './taxonomy-edits.ts';
import {
  editorOf,
  etagOf,
  reason,
  refuseRestricted,
  seenChange,
  taxonomyPrefix,
} from './taxonomy-schemas.ts';

const receiptSchema = z
  .object({
    version: z.string().describe('The version in force from now on'),
    replaces: z.string().describe('The one that was'),
    documents: z.object({
      affected: z.int().describe('Documents that stand at other nodes, or at the same by another path'),
      unassigned: z.int().describe('Those that stood somewhere and stand nowhere now'),
      mapped: z
        .int()
        .describe(
          'Documents assigned to concepts that the version does not know: they stand at the nearest it has',
        ),
      lost: z.int().describe('Of these, the ones for which it has none'),
    }),
    restrictions_lost: z
      .array(z.object({ key_id: z.uuid(), name: z.string(), permission: z.string() }))
      .describe('Keys whose restriction names a path that there is no more: they see nothing by it'),
  })
  .meta({ id: 'TaxonomyReceipt' });

const historySchema = z.object({
  seq: z.int(),
  at: timestamp,
  version: z.string().nullable().describe('What it changed; of an edit the version that it was published as'),
  action: z.string(),
  node_id: z.uuid().nullable(),
  details: z.unknown(),
  actor_id: z.uuid().nullable(),
  actor: z.string(),
  reason: z.string().nullable(),
});

const admin = { scope: 'admin', tag: 'taxonomy', method: 'post' } as const;

export function taxonomyVersionRoutes(context: ApiContext): AnyRoute[] {
  const { db, config } = context;
  const reply = async (status: number, body: Receipt): Promise<Reply> => ({
    ...{ status, body, headers: { ETag: etagOf(await lastChange(db), body) } },
  });
  return [
    route({
      ...admin,
      paths: [`${taxonomyPrefix}/versions`],
      summary: 'Publish the draft: in force at once for every search, answer and key',
      body: z.strictObject({
        bump: z
          .enum(bumps)
          .optional()
          .describe('At least what the changes ask for, which is taken when left out'),
        reason,
      }),
      responses: { 201: { description: 'The version', schema: receiptSchema } },
      handler: async ({ body, caller, raw, audit }) => {
        const limits = { depth: config.TAXONOMY_DEPTH };
        const given = { seen: seenChange(raw), bump: body.bump, limits };
        const receipt = await publishDraft(db, editorOf(caller, body.reason), given);
        audit.note({ before: { version: receipt.replaces }, after: receipt });
        return reply(201, receipt);
      },
    }),
    route({
      ...admin,
      paths: [`${taxonomyPrefix}/rollback`],
      summary: 'Put another published version in force; documents stand where they stood in it',
      body: z.strictObject({ target_version: storable(z.string().min(1).max(50)), reason }),
      responses: { 200: { description: 'Done', schema: receiptSchema } },
      handler: async ({ body, caller, raw, audit }) => {
        const given = { seen: seenChange(raw), target: body.target_version };
        const receipt = await rollBack(db, editorOf(caller, body.reason), given);
        audit.note({ before: { version: receipt.replaces }, after: receipt });
        return reply(200, receipt);
      },
    }),
    discardRoute(context),
    route({
      method: 'get',
      scope: 'read',
      tag: 'taxonomy',
      paths: [`${taxonomyPrefix}/history`],
      summary: 'Who changed what and why, newest first',
      query: z.strictObject({ limit: pageQuery.limit, cursor: ordinal.optional() }),
      responses: { 200: { description: 'A page', schema: listOf(historySchema) } },
      handler: async ({ query, caller }) => {
        refuseRestricted(caller);
        const rows = await listHistory(db, { before: query.cursor, limit: query.limit + 1 });
        const items = rows.slice(0, query.limit);
        const last = rows.length > items.length ? items.at(-1) : undefined;
        return {
          status: 200,
          body: { items: items.map(toEntry), next_cursor: last ? String(last.seq) : null },
        };
      },
    }),
  ];
}

function toEntry({ seq, ...row }: HistoryRow) {
  return { seq: Number(seq), ...row };
}
