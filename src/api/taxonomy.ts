import { z } from 'zod';
import { listVersions } from '../db/taxonomy.ts';
import { lastChange } from '../db/taxonomy-history.ts';
import { listNodes } from '../db/taxonomy-tree.ts';
import type { ApiContext } from './app.ts';
import { type AnyRoute, route } from './route.ts';
import { timestamp } from './schemas.ts';
import { etagOf, knownVersion, versionParam } from './taxonomy-schemas.ts';

const versionSchema = z.object({
  version: z.string().describe('Semantic version; `draft` for the one that is edited'),
  in_force: z.boolean(),
  parent: z.string().nullable().describe('The version that it was begun from'),
  published_at: timestamp.nullable().describe('null: it is the draft'),
  published_by: z.string().nullable(),
  reason: z.string().nullable(),
  created_at: timestamp,
});
export const nodeSchema = z.object({
  id: z.uuid().describe('The same in all versions'),
  path: z.array(z.string()),
  label: z.string(),
  description: z.string(),
  parent_id: z.uuid().nullable().describe('The parent that the path goes through'),
  other_parents: z.array(z.uuid()),
  documents: z
    .int()
    .describe('At the node or below it, by whichever parent, that the key may see; each once'),
  own_documents: z.int().describe('At the node itself'),
});

export function taxonomyRoutes(context: ApiContext): AnyRoute[] {
  const { db } = context;
  const read = { method: 'get', scope: 'read', tag: 'taxonomy' } as const;
  return [
    route({
      ...read,
      paths: ['/api/v1/taxonomy/versions'],
      summary: 'Versions: the draft, then the published ones, newest first',
      responses: { 200: { description: 'All of them', schema: z.object({ items: z.array(versionSchema) }) } },
      handler: async ({ caller }) => {
        const items = await listVersions(db);
        const shown = caller.access
          ? items
              .filter((item) => item.in_force)
              .map((item) => ({ ...item, published_by: null, reason: null }))
          : items;
        return { status: 200, body: { items: shown } };
      },
    }),
    route({
      ...read,
      paths: ['/api/v1/taxonomy/{v}/tree'],
      summary: 'Nodes of a version, parents first; its ETag is what edits of the draft may send as If-Match',
      params: versionParam,
      responses: {
        200: {
          description: 'The tree',
          schema: z.object({ version: z.string(), nodes: z.array(nodeSchema) }),
        },
      },
      handler: async ({ params, caller }) => {
        // Before the nodes: what changes meanwhile has not been seen.
        const seen = await lastChange(db);
        const { version } = await knownVersion(context, params.v, caller);
        const nodes = await listNodes(db, version, caller.access);
        const body = { version, nodes };
        const headers = caller.access === undefined ? { headers: { ETag: etagOf(seen, body) } } : {};
        return { status: 200, body, ...headers };
      },
    }),
  ];
}
