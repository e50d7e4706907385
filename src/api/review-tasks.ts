import { z } from 'zod';
import { refuseOutside } from '../access.ts';
import {
  assignTask,
  decideTask,
  findTask,
  listTasks,
  type ReviewTask,
  reviewStatuses,
} from '../db/review-tasks.ts';
import { findNode } from '../db/taxonomy-node.ts';
import { AppError, asAppError } from '../errors.ts';
import type { ApiContext } from './app.ts';
import type { Audit } from './audit.ts';
import { candidateSchema, shownNodes } from './classify.ts';
import { type AnyRoute, type Caller, route } from './route.ts';
import { idParams, listOf, storable, taxonomyPath, timestamp } from './schemas.ts';

const path = z.array(z.string()).nullable();
const taskSchema = z
  .object({
    id: z.uuid(),
    document_id: z.uuid(),
    title: z.string().nullable(),
    status: z.enum(reviewStatuses),
    node_id: z.uuid().describe('What the machine would have chosen'),
    path: path.describe('null: the node is not in force any more, or not of the key'),
    confidence: z.number(),
    priority: z.number().describe('Uncertainty times reach; the highest comes first'),
    candidates: z.array(candidateSchema),
    reasoning: z.array(z.string()).describe('Empty for restricted keys'),
    evidence: z
      .array(z.object({ chunk_id: z.uuid(), confidence: z.number(), text: z.string() }))
      .describe('Chunks that speak for it'),
    assigned_to: z.string().nullable(),
    decided_node_id: z.uuid().nullable(),
    decided_path: path,
    decided_by: z.string().nullable(),
    note: z.string().nullable(),
    created_at: timestamp,
    decided_at: timestamp.nullable(),
  })
  .meta({ id: 'ReviewTask' });

const verdict = {
  verdict: z
    .enum(['approve', 'correct', 'skip'])
    .describe(
      'approve: as the machine would have; correct: at `node_id` or `canonical` instead; skip: leave it',
    ),
  node_id: z.uuid().optional(),
  canonical: taxonomyPath.min(1).optional(),
  note: storable(z.string().trim().max(2000)).optional(),
};
const oneNode = {
  check: (given: { verdict: string; node_id?: string | undefined; canonical?: string[] | undefined }) =>
    (given.verdict === 'correct') === ((given.node_id === undefined) !== (given.canonical === undefined)) &&
    !(given.node_id !== undefined && given.canonical !== undefined),
  error: {
    error: 'a correction names either node_id or canonical; other verdicts name neither',
    path: ['node_id'],
  },
};
const reviewBody = z.strictObject(verdict).refine(oneNode.check, oneNode.error);
type Review = z.output<typeof reviewBody>;

const tasksPath = '/api/v1/classify/hitl/tasks';

export function reviewRoutes(context: ApiContext): AnyRoute[] {
  return [listRoute(context), assignRoute(context), reviewRoute(context), bulkRoute(context)];
}

function listRoute({ db }: ApiContext): AnyRoute {
  return route({
    method: 'get',
    scope: 'write',
    tag: 'classification',
    paths: [tasksPath],
    summary: 'Documents that a person should place, most urgent first',
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(200).default(50),
      cursor: z.coerce.number().int().min(0).max(1_000_000).default(0),
      status: z.enum(reviewStatuses).optional().describe('Open and assigned ones when left out'),
      node_id: z.uuid().optional(),
      assigned_to: z.string().max(200).optional(),
    }),
    responses: { 200: { description: 'A page', schema: listOf(taskSchema) } },
    handler: async ({ query, caller }) => {
      const asked = {
        ...{ limit: query.limit, offset: query.cursor },
        statuses: query.status ? [query.status] : (['open', 'assigned'] as const),
        ...{ nodeId: query.node_id, assignedTo: query.assigned_to },
      };
      const shown = await shownNodes(db, caller.access);
      const rows = await listTasks(db, asked, caller.access);
      const next_cursor = rows.length > query.limit ? String(query.cursor + query.limit) : null;
      return {
        status: 200,
        body: { items: rows.slice(0, query.limit).map((row) => toTask(row, shown)), next_cursor },
      };
    },
  });
}

function assignRoute({ db }: ApiContext): AnyRoute {
  return route({
    method: 'post',
    scope: 'write',
    tag: 'classification',
    audited: true,
    paths: [`${tasksPath}/{id}/assign`],
    summary: 'Give a task to somebody; null gives it back',
    params: idParams,
    body: z.strictObject({
      to: storable(z.string().trim().min(1).max(200))
        .nullable()
        .optional()
        .describe('The own key when left out'),
    }),
    responses: { 200: { description: 'The task', schema: taskSchema } },
    handler: async ({ params, body, caller, audit }) => {
      const task = await seenTask({ db }, params.id, caller);
      const to = body.to === undefined ? caller.name : body.to;
      await db.transaction(async (trx) => {
        if (!(await assignTask(trx, task.id, to)))
          throw new AppError('conflict', `Task ${task.id} is ${task.status} already.`);
        const change = { before: { assigned_to: task.assigned_to }, after: { assigned_to: to } };
        await audit.write(trx, { target: `${tasksPath}/${task.id}`, ...change });
      });
      return {
        status: 200,
        body: toTask(await seenTask({ db }, task.id, caller), await shownNodes(db, caller.access)),
      };
    },
  });
}

function reviewRoute(api: ApiContext): AnyRoute {
  return route({
    method: 'post',
    scope: 'write',
    tag: 'classification',
    audited: true,
    paths: [`${tasksPath}/{id}/review`],
    summary: 'Approve, correct or skip; what is decided is an example from now on',
    params: idParams,
    body: reviewBody,
    responses: { 200: { description: 'The task, decided', schema: taskSchema } },
    handler: async ({ params, body, caller, audit }) => {
      await review(api, params.id, body, caller, audit);
      await api.queues.enqueue('classifyDue', [{}]);
      return {
        status: 200,
        body: toTask(await seenTask(api, params.id, caller), await shownNodes(api.db, caller.access)),
      };
    },
  });
}

const bulkItem = z.strictObject({ ...verdict, task_id: z.uuid() }).refine(oneNode.check, oneNode.error);

function bulkRoute(api: ApiContext): AnyRoute {
  return route({
    method: 'post',
    scope: 'write',
    tag: 'classification',
    audited: true,
    paths: ['/api/v1/classify/hitl/reviews'],
    summary: 'Up to 200 verdicts; each stands or fails by itself',
    body: z.strictObject({ items: z.array(bulkItem).min(1).max(200) }),
    responses: {
      200: {
        description: 'What became of each, in order',
        schema: z.object({
          items: z.array(
            z.object({
              task_id: z.uuid(),
              decided: z.boolean(),
              error: z.object({ code: z.string(), detail: z.string() }).nullable(),
            }),
          ),
        }),
      },
    },
    handler: async ({ body, caller, audit }) => {
      const items = [];
      for (const { task_id, ...given } of body.items) {
        try {
          await review(api, task_id, given, caller, audit);
          items.push({ task_id, decided: true, error: null });
        } catch (thrown) {
          const { code, message, status } = asAppError(thrown);
          if (status >= 500) throw thrown;
          items.push({ task_id, decided: false, error: { code, detail: message } });
        }
      }
      await api.queues.enqueue('classifyDue', [{}]);
      return { status: 200, body: { items } };
    },
  });
}

async function review(
  { db }: Pick<ApiContext, 'db'>,
  id: string,
  { verdict: said, node_id, canonical, note }: Review,
  caller: Caller,
  audit: Audit,
): Promise<void> {
  const task = await seenTask({ db }, id, caller);
  await db.transaction(async (trx) => {
    // An approval puts the document somewhere, too: neither may lead out of what the key may use.
    const named = said === 'correct' ? (node_id ?? canonical) : task.node_id;
    const node = named === undefined || said === 'skip' ? undefined : await findNode(trx, named);
    if (said !== 'skip' && !node)
      throw new AppError(
        'unknown_taxonomy_path',
        'The taxonomy in force has no such node: correct to one that it has.',
      );
    if (node) refuseOutside(onlyPaths(caller), { collection: '', taxonomyPath: node.path });
    await decideTask(trx, task, { verdict: said, nodeId: node?.id, by: caller.name, note: note ?? null });
    await audit.write(trx, {
      target: `${tasksPath}/${task.id}`,
      before: { node_id: task.node_id, path: task.path, confidence: task.confidence },
      after: { verdict: said, node_id: node?.id ?? null, path: node?.path ?? null },
    });
  });
}

/** Collections are the document's, which the key has been found to see. */
export function onlyPaths({ access }: Caller) {
  return access?.taxonomyPaths ? { taxonomyPaths: access.taxonomyPaths } : undefined;
}

async function seenTask({ db }: Pick<ApiContext, 'db'>, id: string, caller: Caller): Promise<ReviewTask> {
  const task = await findTask(db, id, caller.access);
  if (!task) throw new AppError('not_found', 'There is no such review task.');
  return task;
}

/** What a restricted key may not know by name is left out of what the machine thought. */
function toTask({ result, ...task }: ReviewTask, shown: ReadonlySet<string> | undefined) {
  const kept = (result ?? {}) as {
    candidates?: { node_id: string }[];
    reasoning?: string[];
    chunks?: unknown[];
  };
  const may = (id: string) => !shown || shown.has(id);
  return {
    ...task,
    path: may(task.node_id) ? task.path : null,
    candidates: (kept.candidates ?? []).filter(({ node_id }) => may(node_id)),
    reasoning: shown ? [] : (kept.reasoning ?? []),
    evidence: kept.chunks ?? [],
  };
}
