import { z } from 'zod';
import { readVectorModels } from '../db/vector-index.ts';
import type { VectorRecall } from '../db/vector-recall.ts';
import { measureVectorRecall } from '../retrieval/vector-recall.ts';
import type { ApiContext } from './app.ts';
import { type AnyRoute, route } from './route.ts';
import { timestamp } from './schemas.ts';

const milliseconds = z.object({ p50: z.number(), p95: z.number() });
const recallSchema = z
  .object({
    items: z.array(
      z.object({
        model: z.string(),
        k: z.int(),
        samples: z.int(),
        indexed: z.boolean().describe('false: there is no index yet, search looks at every vector'),
        recall: z.number().describe('Mean share of the k nearest passages that search finds'),
        search_ms: milliseconds,
        exact_ms: milliseconds,
        measured_at: timestamp,
      }),
    ),
  })
  .meta({ id: 'VectorRecall' });

const whole = (least: number, most: number, usual: number) =>
  z.coerce
    .number(`must be a whole number from ${least} to ${most}`)
    .int()
    .min(least)
    .max(most)
    .default(usual);

export function vectorRecallRoutes({ db }: ApiContext): AnyRoute[] {
  return [
    route({
      method: 'get',
      scope: 'admin',
      tag: 'admin',
      paths: ['/api/v1/admin/vector-recall'],
      summary: 'Measures now how much of an exact search by meaning the vector index finds, for every model',
      query: z.strictObject({ k: whole(1, 100, 10), samples: whole(1, 200, 20) }),
      responses: {
        200: { description: 'Recall and times, with passages as questions', schema: recallSchema },
      },
      handler: async ({ query, signal }) => {
        const items: VectorRecall[] = [];
        for (const model of await readVectorModels(db, 0)) {
          const measured = await measureVectorRecall(db, model, { ...query, signal });
          if (measured) items.push(measured);
        }
        return { status: 200, body: { items: items.map(toResource) } };
      },
    }),
  ];
}

function toResource({ search, exact, measuredAt, ...rest }: VectorRecall) {
  return { ...rest, search_ms: search, exact_ms: exact, measured_at: measuredAt.toISOString() };
}
