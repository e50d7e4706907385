import { z } from 'zod';
import { readRollout } from '../db/rollout-readings.ts';
import {
  type FlagSettings,
  findRollout,
  listRollouts,
  type RolloutRow,
  readRolloutEvents,
  rolloutStatuses,
} from '../db/rollouts.ts';
import { AppError } from '../errors.ts';
import { judgeStage } from '../rollouts/decide.ts';
import { type Report, toMarkdown } from '../rollouts/markdown.ts';
import { startRollout } from '../rollouts/moves.ts';
import { completeStage, flagsOf, type Plan, planFields, stageSchema } from '../rollouts/plan.ts';
import { templateNames, templates } from '../rollouts/templates.ts';
import { brief, rolloutsPath } from '../rollouts/tend-rollout.ts';
import type { ApiContext } from './app.ts';
import { rolloutMoveRoutes } from './rollout-moves.ts';
import { briefSchema, rolloutSchema, toBrief, toRollout } from './rollout-resource.ts';
import { type AnyRoute, type Reply, route } from './route.ts';
import { idParams, listOf, pageQuery, storable } from './schemas.ts';

const admin = { scope: 'admin', tag: 'rollouts' } as const;

const request = z
  .strictObject({
    template: z
      .enum(templateNames)
      .optional()
      .describe('Instead of stages; what else is given comes before it'),
    name: storable(z.string().trim().min(1).max(100)).optional(),
    stages: z.array(stageSchema).min(1).max(20).optional(),
    auto_advance: planFields.auto_advance.optional(),
    overdue_seconds: planFields.overdue_seconds.optional(),
    false_rollback_rate: planFields.false_rollback_rate.optional(),
    reason: storable(z.string().trim().min(1).max(500)),
  })
  .refine(({ template, stages }) => (template === undefined) !== (stages === undefined), {
    error: 'give template or stages: exactly one of them',
    path: ['stages'],
  })
  .meta({ id: 'NewRollout' });

const templateSchema = z.object({
  name: z.string(),
  description: z.string(),
  ...z.object(planFields).shape,
  stages: z.array(stageSchema),
});

/** What there is to be told of a rollout now. */
async function report({ db }: Pick<ApiContext, 'db'>, rollout: RolloutRow): Promise<Report> {
  const readings = await readRollout(db, rollout);
  const judgement = judgeStage(rollout.plan, rollout.stage, readings);
  const events = await readRolloutEvents(db, rollout.id);
  if (!rollout.ended_at) return { rollout, readings, judgement, events };
  // What it was ended for is what was known then: answers that were under way may have ended better since.
  const gates = events.at(-1)?.gates ?? judgement.gates;
  return { rollout, readings, judgement: { ...judgement, gates, waitsFor: [] }, events };
}

export function rolloutRoutes(context: ApiContext): AnyRoute[] {
  const { db } = context;
  const get = async (id: string): Promise<RolloutRow> => {
    const row = await findRollout(db, id);
    if (!row) throw new AppError('not_found', 'There is no such rollout.');
    return row;
  };
  const show = async (row: RolloutRow): Promise<Reply> => ({
    status: 200,
    body: toRollout(await report(context, row)),
    headers: { ETag: `"${row.revision}"` },
  });
  return [
    ...listRoutes(context),
    createRoute(context, show),
    readRoute(context, get, show),
    ...rolloutMoveRoutes(context, { get, show, report: (row) => report(context, row) }),
  ];
}

function listRoutes({ db }: ApiContext): AnyRoute[] {
  return [
    route({
      ...admin,
      method: 'get',
      paths: [`${rolloutsPath}/templates`],
      summary: 'Plans that come with the service',
      responses: {
        200: { description: 'All of them', schema: z.object({ items: z.array(templateSchema) }) },
      },
      handler: async () => ({ status: 200, body: { items: Object.values(templates) } }),
    }),
    route({
      ...admin,
      method: 'get',
      paths: [rolloutsPath],
      summary: 'Rollouts, newest first',
      query: z.strictObject({ ...pageQuery, status: z.enum(rolloutStatuses).optional() }),
      responses: { 200: { description: 'A page', schema: listOf(briefSchema) } },
      handler: async ({ query }) => {
        const page = await listRollouts(db, query);
        return { status: 200, body: { ...page, items: page.items.map(toBrief) } };
      },
    }),
  ];
}

function createRoute(context: ApiContext, show: (row: RolloutRow) => Promise<Reply>): AnyRoute {
  return route({
    ...admin,
    method: 'post',
    paths: [rolloutsPath],
    summary: 'Roll flags out in stages: begins with the first one at once',
    creates: true,
    body: request,
    responses: { 201: { description: 'Begun', schema: rolloutSchema } },
    handler: async ({ body, caller, workId, audit }) => {
      const { plan, name, auto_advance } = planOf(body);
      const row = await startRollout(
        context.db,
        {
          ...{ id: workId, name, plan, auto_advance, before: await settingsNow(context, plan) },
          ...{ api_key_id: caller.id, created_by: caller.name },
        },
        {
          reason: body.reason,
          alongside: (transaction, _, after) =>
            audit.write(transaction, {
              target: `${rolloutsPath}/${after.id}`,
              before: { flags: after.before },
              after: { ...brief(after), reason: body.reason },
            }),
        },
      );
      const reply = await show(row);
      return {
        ...reply,
        status: 201,
        headers: { ...reply.headers, Location: `${rolloutsPath}/${row.id}` },
      };
    },
  });
}

function planOf(body: z.output<typeof request>): { plan: Plan; name: string; auto_advance: boolean } {
  const template = body.template && templates[body.template];
  const stages = (body.stages ?? z.array(stageSchema).parse(template?.stages)).map(completeStage);
  const field = <K extends keyof typeof planFields>(name: K) => body[name] ?? template?.[name];
  const given = z.object(planFields).parse({
    auto_advance: field('auto_advance'),
    overdue_seconds: field('overdue_seconds'),
    false_rollback_rate: field('false_rollback_rate'),
  });
  const { auto_advance, ...rest } = given;
  return { plan: { stages, ...rest }, name: body.name ?? template?.name ?? 'rollout', auto_advance };
}

/** What a rollback goes back to: what is in force now, from wherever it comes. */
async function settingsNow({ flags }: ApiContext, plan: Plan): Promise<FlagSettings> {
  const wanted = flagsOf(plan);
  const states = (await flags.list()).filter(({ key }) => wanted.includes(key));
  const killed = states.filter(({ source }) => source === 'kill').map(({ key }) => key);
  if (killed.length > 0)
    throw new AppError(
      'conflict',
      `${killed.join(', ')} is killed: set it, which lifts that, and begin again.`,
    );
  return Object.fromEntries(
    states.map(({ key, enabled, rollout_percent }) => [key, { enabled, rollout_percent }]),
  );
}

function readRoute(
  context: ApiContext,
  get: (id: string) => Promise<RolloutRow>,
  show: (row: RolloutRow) => Promise<Reply>,
): AnyRoute {
  return route({
    ...admin,
    method: 'get',
    paths: [`${rolloutsPath}/{id}`],
    summary: 'How a rollout fares: the report; as text with format=markdown or Accept: text/markdown',
    params: idParams,
    query: z.strictObject({ format: z.enum(['json', 'markdown']).optional() }),
    responses: { 200: { description: 'The rollout', schema: rolloutSchema } },
    handler: async ({ params, query, raw }) => {
      const row = await get(params.id);
      const wished = raw.accepts(['application/json', 'text/markdown']) === 'text/markdown';
      if ((query.format ?? (wished ? 'markdown' : 'json')) === 'json') return show(row);
      const text = toMarkdown(await report(context, row));
      return {
        status: 200,
        send: (response) => void response.type('text/markdown; charset=utf-8').send(text),
      };
    },
  });
}
