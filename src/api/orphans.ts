import { z } from 'zod';
import { countOrphans, readOrphans } from '../db/orphans.ts';
import type { ApiContext } from './app.ts';
import { type AnyRoute, route } from './route.ts';
import { timestamp } from './schemas.ts';

const orphansSchema = z
  .object({
    items: z.array(
      z.object({
        kind: z.string(),
        found: z.int().describe('Now'),
        removed: z.int().describe('By upkeep, since counting began'),
        scanned_at: timestamp.nullable().describe('When upkeep last looked for them and removed them'),
      }),
    ),
    total: z.int(),
  })
  .meta({ id: 'Orphans' });

export function orphanRoutes({ db }: ApiContext): AnyRoute[] {
  return [
    route({
      method: 'get',
      scope: 'admin',
      tag: 'admin',
      paths: ['/api/v1/admin/orphans'],
      summary:
        'Counts now the rows of every table that belong to nothing any more: 0 unless something is broken',
      responses: { 200: { description: 'By kind', schema: orphansSchema } },
      handler: async () => {
        const counted = await countOrphans(db);
        const scanned = new Map((await readOrphans(db)).map((row) => [row.kind, row]));
        const items = counted.map(({ kind, found }) => {
          const { removed = 0, scanned_at = null } = scanned.get(kind) ?? {};
          return { kind, found, removed, scanned_at };
        });
        return { status: 200, body: { items, total: items.reduce((sum, { found }) => sum + found, 0) } };
      },
    }),
  ];
}
