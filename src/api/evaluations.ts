import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import {
  type EvaluationRow,
  endEvaluation,
  findEvaluation,
  insertEvaluation,
  listEvaluations,
} from '../db/evaluations.ts';
import { AppError } from '../errors.ts';
import { flagsOn } from '../flag-service.ts';
import { rolloutIdentity } from '../flags/rollout-identity.ts';
import { strategies } from '../retrieval/passage.ts';
import type { ApiContext } from './app.ts';
import { refuseWhenFull } from './backpressure.ts';
import { evaluationSchema, evaluationsPath, toEvaluation } from './evaluation-resource.ts';
import { judgedForm, readJudgedFile } from './judged-upload.ts';
import { keptText } from './kept-text.ts';
import { type AnyRoute, describeIssues, route } from './route.ts';
import { filters, idParams, listOf, pageQuery, storable } from './schemas.ts';
import type { Upload } from './upload.ts';

const name = storable(z.string().min(1).max(500));
const judgement = z
  .strictObject({
    external_id: name.optional(),
    document_id: z.uuid().optional(),
    gain: z.number().min(0).max(1000).default(1).describe('0: does not answer it; more: answers it better'),
  })
  .refine(({ external_id, document_id }) => (external_id === undefined) !== (document_id === undefined), {
    error: 'name the document by external_id or by document_id: exactly one of them',
  });
const query = z.strictObject({
  id: name.optional().describe('q1, q2, … when left out'),
  text: storable(z.string().trim().min(1).max(2000)),
  judgements: z
    .array(judgement)
    .min(1)
    .max(1000)
    .refine((list) => list.some(({ gain }) => gain > 0), 'at least one document must have a gain above 0'),
});
/** Of a file; what a JSON body of 1 MB can hold is fewer. */
const mostQueries = 50_000;
const idsDiffer = (list: readonly { id?: string | undefined }[]) => {
  const ids = list.flatMap(({ id }) => id ?? []);
  return new Set(ids).size === ids.length;
};
const settings = {
  name: name.optional(),
  strategies: z
    .array(z.enum(strategies))
    .min(1)
    .refine((list) => new Set(list).size === list.length, 'name each strategy once')
    .default([...strategies]),
  filters: filters.optional().describe('For every search'),
};
const request = z
  .strictObject({
    ...settings,
    queries: z.array(query).min(1).max(5000).refine(idsDiffer, 'ids of queries must differ'),
  })
  .meta({ id: 'NewEvaluation' });
/** A file's queries are checked line by line; what is left are the ids, and the fields of the form. */
const uploaded = z.strictObject({
  ...settings,
  queries: z.custom<z.output<typeof query>[]>().refine(idsDiffer, 'ids of queries must differ'),
});

async function fromFile(db: Db, upload: Upload): Promise<z.output<typeof request>> {
  const parsed = uploaded.safeParse(await readJudgedFile(db, upload, query, mostQueries));
  if (parsed.success) return parsed.data;
  const errors = describeIssues(parsed.error, '');
  throw new AppError('validation_failed', `${errors[0]?.pointer}: ${errors[0]?.message}`, { errors });
}

const admin = { scope: 'admin', tag: 'evaluations' } as const;

export function evaluationRoutes(context: ApiContext): AnyRoute[] {
  const { db } = context;
  const get = async (id: string): Promise<EvaluationRow> => {
    const row = await findEvaluation(db, id);
    if (!row) throw new AppError('not_found', 'There is no such evaluation.');
    return row;
  };
  const one = {
    ...admin,
    params: idParams,
    responses: { 200: { description: 'The evaluation', schema: evaluationSchema } },
  } as const;
  return [
    createRoute(context, get),
    route({
      ...admin,
      method: 'get',
      paths: [evaluationsPath],
      summary: 'Evaluations, newest first',
      query: z.strictObject(pageQuery),
      responses: { 200: { description: 'A page', schema: listOf(evaluationSchema) } },
      handler: async ({ query }) => {
        const page = await listEvaluations(db, query);
        return { status: 200, body: { ...page, items: page.items.map(toEvaluation) } };
      },
    }),
    route({
      ...one,
      method: 'get',
      paths: [`${evaluationsPath}/{id}`],
      summary: 'How well each strategy answered the judged questions',
      handler: async ({ params }) => ({ status: 200, body: toEvaluation(await get(params.id)) }),
    }),
    route({
      ...one,
      method: 'delete',
      paths: [`${evaluationsPath}/{id}`],
      summary: 'Cancel; an evaluation that has ended stays as it is',
      handler: async ({ params }) => {
        await get(params.id);
        await endEvaluation(db, params.id, 'cancelled', null);
        return { status: 200, body: toEvaluation(await get(params.id)) };
      },
    }),
  ];
}

function createRoute(context: ApiContext, get: (id: string) => Promise<EvaluationRow>): AnyRoute {
  const { db, flags, queues } = context;
  return route({
    ...admin,
    method: 'post',
    paths: [evaluationsPath],
    summary: 'Measure search on judged questions of your own',
    creates: true,
    body: request,
    alsoAccepts: { 'multipart/form-data': judgedForm },
    maxFiles: 1,
    responses: { 202: { description: 'Accepted', schema: evaluationSchema } },
    handler: async ({ body: sent, upload, caller, workId: id, raw }) => {
      await refuseWhenFull(context, 'learning');
      const body = upload ? await fromFile(db, upload) : sent;
      const snapshot = await flags.snapshot(rolloutIdentity(raw, caller));
      await insertEvaluation(db, {
        id,
        name: body.name ?? null,
        strategies: body.strategies,
        audience: { scope: caller.scope, flags: flagsOn(snapshot), access: caller.access },
        filters: body.filters ?? {},
        apiKeyId: caller.id,
        queries: body.queries.map(({ id: given, text, judgements }, n) => ({
          ...{ queryId: given ?? `q${n + 1}`, text: keptText(context, text), judgements },
        })),
      });
      await queues.enqueue('runEvaluation', [{ evaluationId: id, turn: 0 }]);
      const shown = toEvaluation(await get(id));
      return { status: 202, body: shown, headers: { Location: shown.links.self, 'Retry-After': '1' } };
    },
  });
}
