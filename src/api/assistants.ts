import { z } from 'zod';
import { reportAssistant } from '../db/assistant-report.ts';
import {
  type AssistantRow,
  deleteAssistant,
  findAssistant,
  holdAssistant,
  insertAssistant,
  listAssistants,
  updateAssistant,
} from '../db/assistants.ts';
import { AppError } from '../errors.ts';
import type { ApiContext } from './app.ts';
import { type AnyRoute, type Reply, route } from './route.ts';
import { canonicalIn, idParams, listOf, pageQuery, storable, strategyName, timestamp } from './schemas.ts';

const assistantsPath = '/api/v1/admin/assistants';

const fields = {
  name: storable(z.string().trim().min(1).max(100)),
  description: storable(z.string().max(500)).nullable(),
  canonical_in: canonicalIn.describe(
    'Taxonomy path prefixes that it looks under; none: everything that the asking key sees',
  ),
  strategy: strategyName.describe('How it searches where a question does not say'),
  instructions: storable(z.string().max(2000))
    .nullable()
    .describe('Told to language models beside the rules, which they can not lift'),
  tools: z
    .array(storable(z.string().min(1).max(200)))
    .max(100)
    .nullable()
    .describe(
      "Names of tools that may be called for it, or how they begin, before a '*'; null: as for everybody",
    ),
};
const newAssistant = z
  .strictObject({
    ...fields,
    description: fields.description.default(null),
    canonical_in: fields.canonical_in.default([]),
    strategy: fields.strategy.default('auto'),
    instructions: fields.instructions.default(null),
    tools: fields.tools.default(null),
  })
  .meta({ id: 'NewAssistant' });
const change = z
  .strictObject(fields)
  .partial()
  .refine((given) => Object.values(given).some((value) => value !== undefined), {
    error: 'give at least one field to change',
  })
  .meta({ id: 'AssistantChange' });

const assistantSchema = z
  .object({
    id: z.uuid(),
    ...fields,
    bound_keys: z.int().describe('Keys that can ask nothing else'),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'Assistant' });

const knownSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  description: z.string().nullable(),
  strategy: strategyName,
});

const reportSchema = z
  .object({
    assistant: assistantSchema,
    days: z.int(),
    questions: z.object({
      asked: z.int(),
      answered: z.int(),
      abstained: z.int(),
      failed: z.int(),
      underway: z.int(),
      mean_confidence: z.number().nullable(),
    }),
    coverage: z.object({
      documents: z.int(),
      chunks: z.int(),
      cited: z.int().describe('Documents that some answer of the time cites'),
      paths: z.array(z.object({ path: z.array(z.string()), documents: z.int(), cited: z.int() })),
    }),
    gaps: z
      .array(
        z.object({
          question: z.string(),
          asked: z.int(),
          last_asked_at: timestamp,
          answer_id: z.uuid(),
        }),
      )
      .describe('Questions that it abstained on, the most asked first; 50 at most'),
  })
  .meta({ id: 'AssistantReport' });

const days = z.strictObject({
  days: z.coerce.number('must be a whole number from 1 to 365').int().min(1).max(365).default(30),
});

export function assistantRoutes(context: ApiContext): AnyRoute[] {
  return [...readRoutes(context), ...changeRoutes(context)];
}

function readRoutes({ db }: ApiContext): AnyRoute[] {
  const admin = { method: 'get', scope: 'admin', tag: 'assistants' } as const;
  return [
    route({
      ...{ method: 'get', scope: 'read', tag: 'assistants' },
      paths: ['/api/v1/assistants'],
      summary: 'Assistants that this key can ask',
      query: z.strictObject(pageQuery),
      responses: { 200: { description: 'A page, newest first', schema: listOf(knownSchema) } },
      handler: async ({ query, caller: { assistantId } }) => {
        const bound = assistantId === undefined ? undefined : await findAssistant(db, assistantId);
        const page = bound ? { items: [bound], next_cursor: null } : await listAssistants(db, query);
        return { status: 200, body: { ...page, items: page.items.map(toKnown) } };
      },
    }),
    route({
      ...admin,
      paths: [assistantsPath],
      summary: 'Assistants, newest first',
      query: z.strictObject(pageQuery),
      responses: { 200: { description: 'A page', schema: listOf(assistantSchema) } },
      handler: async ({ query }) => ({ status: 200, body: await listAssistants(db, query) }),
    }),
    route({
      ...admin,
      paths: [`${assistantsPath}/{id}`],
      summary: 'An assistant',
      params: idParams,
      responses: { 200: { description: 'The assistant', schema: assistantSchema } },
      handler: async ({ params }) => ({ status: 200, body: there(await findAssistant(db, params.id)) }),
    }),
    route({
      ...admin,
      paths: [`${assistantsPath}/{id}/report`],
      summary: 'What it was asked, what it has to answer from, and what it could not answer',
      params: idParams,
      query: days,
      responses: { 200: { description: 'The report', schema: reportSchema } },
      handler: async ({ params, query }) => {
        const assistant = there(await findAssistant(db, params.id));
        const report = await reportAssistant(db, assistant, query.days);
        return { status: 200, body: { assistant, days: query.days, ...report } };
      },
    }),
  ];
}

function changeRoutes({ db }: ApiContext): AnyRoute[] {
  const admin = { scope: 'admin', tag: 'assistants' } as const;
  const one = { ...admin, paths: [`${assistantsPath}/{id}`], params: idParams } as const;
  return [
    route({
      ...admin,
      method: 'post',
      paths: [assistantsPath],
      summary: 'Create one; in force with the next question',
      body: newAssistant,
      creates: true,
      responses: { 201: { description: 'Created', schema: assistantSchema } },
      handler: async ({ body, workId, audit }) => {
        const made = await db.transaction(async (transaction) => {
          if (!(await insertAssistant(transaction, workId, normalised(body)))) throw taken();
          const after = there(await findAssistant(transaction, workId));
          await audit.write(transaction, { target: `${assistantsPath}/${workId}`, after });
          return after;
        });
        return { status: 201, body: made, headers: { Location: `${assistantsPath}/${workId}` } };
      },
    }),
    route({
      ...one,
      method: 'patch',
      summary: 'Change what is given; in force with the next question',
      body: change,
      responses: { 200: { description: 'The assistant', schema: assistantSchema } },
      handler: async ({ params, body, audit }) => {
        const changed = await db.transaction(async (transaction) => {
          const before = there(await holdAssistant(transaction, params.id));
          if (!(await updateAssistant(transaction, params.id, normalised(body)))) throw taken();
          const after = there(await findAssistant(transaction, params.id));
          await audit.write(transaction, { before, after });
          return after;
        });
        return { status: 200, body: changed };
      },
    }),
    route({
      ...one,
      method: 'delete',
      summary: 'Delete it; not while a key is bound to it, which would then see more',
      responses: { 204: { description: 'Gone' } },
      handler: async ({ params, audit }): Promise<Reply> => {
        await db.transaction(async (transaction) => {
          const before = there(await holdAssistant(transaction, params.id));
          if (!(await deleteAssistant(transaction, params.id))) {
            const message =
              'Keys are bound to this assistant: revoke them, or change their assistant_id first.';
            throw new AppError('conflict', message);
          }
          await audit.write(transaction, { before });
        });
        return { status: 204 };
      },
    }),
  ];
}

/** Labels are stored in NFC. */
function normalised<T extends { canonical_in?: string[][] | undefined }>(body: T): T {
  const { canonical_in: paths } = body;
  if (!paths) return body;
  return { ...body, canonical_in: paths.map((path) => path.map((label) => label.normalize('NFC'))) };
}

function there(row: AssistantRow | undefined): AssistantRow {
  if (!row) throw new AppError('not_found', 'There is no such assistant.');
  return row;
}

function taken(): AppError {
  const message = 'there is an assistant of this name already';
  return new AppError('conflict', `/name: ${message}.`, { errors: [{ pointer: '/name', message }] });
}

function toKnown({ id, name, description, strategy }: AssistantRow) {
  return { id, name, description, strategy };
}
