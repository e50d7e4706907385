import { z } from 'zod';
import { type AuditRow, listAudit } from '../db/audit.ts';
import type { ApiContext } from './app.ts';
import { type AnyRoute, route } from './route.ts';
import { listOf, pageQuery, storable, timestamp } from './schemas.ts';

const entrySchema = z
  .object({
    id: z.uuid(),
    at: timestamp,
    actor: z.object({ id: z.uuid(), name: z.string(), ip: z.string().nullable() }),
    method: z.string(),
    route: z.string(),
    target: z.string().describe('Path of what was changed'),
    before: z.unknown(),
    after: z.unknown(),
    error: z
      .string()
      .nullable()
      .describe('Code of the error that it ended with, where it may have changed something all the same'),
    request_id: z.string(),
  })
  .meta({ id: 'AuditEntry' });

export function auditRoutes({ db }: ApiContext): AnyRoute[] {
  return [
    route({
      scope: 'admin',
      tag: 'admin',
      method: 'get',
      paths: ['/api/v1/admin/audit'],
      summary: 'Who changed what, newest first',
      query: z.strictObject({
        ...pageQuery,
        target: storable(z.string().min(1).max(500)).optional().describe('A path, and all below it'),
        actor: storable(z.string().min(1).max(200)).optional().describe('Id or name of a key'),
        since: timestamp.optional(),
      }),
      responses: { 200: { description: 'A page', schema: listOf(entrySchema) } },
      handler: async ({ query }) => {
        const page = await listAudit(db, query);
        return { status: 200, body: { ...page, items: page.items.map(toEntry) } };
      },
    }),
  ];
}

function toEntry({ actor_id, actor_name, actor_ip, ...row }: AuditRow) {
  return { ...row, actor: { id: actor_id, name: actor_name, ip: actor_ip } };
}
