import { z } from 'zod';
import { listNodes, listVersions } from '../db/taxonomy.ts';
import { AppError } from '../errors.ts';
import type { ApiContext } from './app.ts';
import { type AnyRoute, route } from './route.ts';
import { timestamp } from './schemas.ts';

const versionSchema = z.object({ version: z.string(), in_force: z.boolean(), created_at: timestamp });
const nodeSchema = z.object({
  id: z.uuid(),
  path: z.array(z.string()),
  label: z.string(),
  documents: z.int().describe('At the node or below it, that the key may see'),
});

export function taxonomyRoutes({ db }: ApiContext): AnyRoute[] {
  const read = { method: 'get', scope: 'read', tag: 'taxonomy' } as const;
  return [
    route({
      ...read,
      paths: ['/api/v1/taxonomy/versions'],
      summary: 'Versions, newest first',
      responses: { 200: { description: 'All of them', schema: z.object({ items: z.array(versionSchema) }) } },
      handler: async () => ({ status: 200, body: { items: await listVersions(db) } }),
    }),
    route({
      ...read,
      paths: ['/api/v1/taxonomy/{v}/tree'],
      summary: 'Nodes of a version, parents first',
      params: z.strictObject({ v: z.string().max(50) }),
      responses: {
        200: {
          description: 'The tree',
          schema: z.object({ version: z.string(), nodes: z.array(nodeSchema) }),
        },
      },
      handler: async ({ params, caller }) => {
        const known = (await listVersions(db)).some(({ version }) => version === params.v);
        if (!known) throw new AppError('not_found', 'There is no such taxonomy version.');
        return {
          status: 200,
          body: { version: params.v, nodes: await listNodes(db, params.v, caller.access) },
        };
      },
    }),
  ];
}
