import { z } from 'zod';
import {
  archiveCase,
  type CaseRow,
  caseStatuses,
  deleteCase,
  findCase,
  listCases,
  restoreCase,
} from '../db/case-bank.ts';
import { archiveReasons } from '../db/cases.ts';
import type { Db } from '../db/connect.ts';
import { AppError } from '../errors.ts';
import type { ApiContext } from './app.ts';
import type { Reply } from './route.ts';
import { type AnyRoute, route } from './route.ts';
import { idParams, listOf, pageQuery, timestamp } from './schemas.ts';

const casesPath = '/api/v1/admin/cases';

const caseSchema = z
  .object({
    id: z.uuid(),
    answer_id: z.uuid().describe('The answer that it was; its row goes before the case does'),
    api_key_id: z.uuid().nullable().describe('Whose question it was: nobody else finds the case'),
    question: z.string(),
    answer: z.string(),
    language: z.string(),
    confidence: z.number(),
    confirmed_by: z.enum(['support', 'feedback']),
    status: z.enum(caseStatuses),
    archived_because: z.enum(archiveReasons).nullable(),
    archived_at: timestamp.nullable(),
    merged_into: z.uuid().nullable(),
    indexed: z.boolean().describe('Whether it can be found already'),
    uses: z.int().describe('Answers that it helped with'),
    rating: z.number().nullable().describe('Mean rating of those, 0…1; null: none was rated'),
    sources: z.array(z.object({ n: z.int(), document_id: z.uuid(), quote: z.string() })),
    last_used_at: timestamp,
    created_at: timestamp,
  })
  .meta({ id: 'Case' });

async function get(db: Db, id: string): Promise<CaseRow> {
  const row = await findCase(db, id);
  if (!row)
    throw new AppError('not_found', 'There is no such case, or a document that it cites was deleted.');
  return row;
}

export function caseRoutes({ db }: ApiContext): AnyRoute[] {
  const admin = { scope: 'admin', tag: 'admin' } as const;
  const one = { ...admin, params: idParams } as const;
  const shown = { 200: { description: 'The case', schema: caseSchema } };
  return [
    route({
      ...admin,
      method: 'get',
      paths: [casesPath],
      summary: 'The case bank, newest first',
      query: z.strictObject({ ...pageQuery, status: z.enum(caseStatuses).optional() }),
      responses: { 200: { description: 'A page', schema: listOf(caseSchema) } },
      handler: async ({ query }) => ({ status: 200, body: await listCases(db, query) }),
    }),
    route({
      ...one,
      method: 'get',
      paths: [`${casesPath}/{id}`],
      summary: 'A case, and how it has done',
      responses: shown,
      handler: async ({ params }) => ({ status: 200, body: await get(db, params.id) }),
    }),
    route({
      ...one,
      method: 'post',
      paths: [`${casesPath}/{id}/archive`],
      summary: 'Have it found no more',
      responses: shown,
      handler: async ({ params }) => changed(db, params.id, archiveCase),
    }),
    route({
      ...one,
      method: 'post',
      paths: [`${casesPath}/{id}/restore`],
      summary: 'Have an archived one found again; what was thought of it is forgotten',
      responses: shown,
      handler: async ({ params }) => changed(db, params.id, restoreCase),
    }),
    route({
      ...one,
      method: 'delete',
      paths: [`${casesPath}/{id}`],
      summary: 'Delete it for good',
      responses: { 204: { description: 'Gone' } },
      handler: async ({ params }): Promise<Reply> => {
        await get(db, params.id);
        await deleteCase(db, params.id);
        return { status: 204 };
      },
    }),
  ];
}

async function changed(db: Db, id: string, change: (db: Db, id: string) => Promise<void>) {
  await get(db, id);
  await change(db, id);
  return { status: 200, body: await get(db, id) };
}
