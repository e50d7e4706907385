import { z } from 'zod';
import { principalOf } from '../access.ts';
import { answerResult } from '../answer-result.ts';
import { askedAssistant } from '../assistants.ts';
import { caseOf } from '../cases.ts';
import { endAnswer, findAnswer } from '../db/answers.ts';
import { findFollowed } from '../db/conversations.ts';
import { deleteAnswer } from '../db/delete-answer.ts';
import { saveFeedback } from '../db/feedback.ts';
import type { NewAnswer } from '../db/insert-answers.ts';
import { AppError } from '../errors.ts';
import { rolloutIdentity } from '../flags/rollout-identity.ts';
import { expansions } from '../retrieval/passage.ts';
import { acceptAnswer } from './accept-answer.ts';
import { answerEventRoute, type FindAnswer } from './answer-events.ts';
import { strictnessFields } from './answer-fields.ts';
import { createPace, type Pace } from './answer-pace.ts';
import { learnFromRating } from './answer-ratings.ts';
import { answerReadingRoutes } from './answer-reading.ts';
import { answerSchema, toAnswer } from './answer-resource.ts';
import type { ApiContext } from './app.ts';
import { refuseWhenFull } from './backpressure.ts';
import { cacheWish } from './cache-wish.ts';
import { keptText } from './kept-text.ts';
import { refuseWhenSpent } from './refuse-when-spent.ts';
import { keepRequestWebhook, requestWebhook } from './request-webhook.ts';
import { type AnyRoute, type Caller, route } from './route.ts';
import {
  assistantName,
  canonicalIn,
  defaultPriority,
  filters,
  greatestInteger,
  idParams,
  storable,
  strategyName,
  timestamp,
} from './schemas.ts';
import { takeAnswers } from './take-answers.ts';
import { assistantOf, underAssistant } from './use-assistant.ts';

const question = storable(z.string().trim().min(1).max(2000));
const request = z
  .strictObject({
    q: question.optional(),
    question: question.optional(),
    mode: z.enum(['answer', 'summary', 'keypoints']).default('answer'),
    final_topk: z.int().min(1).max(50).default(5),
    filters: filters.optional(),
    canonical_in: canonicalIn.optional(),
    strategy: strategyName.default('auto'),
    merge_neighbours: z
      .boolean()
      .default(false)
      .describe(
        'Reads found chunks that follow each other as one source; final_topk counts what that leaves',
      ),
    expand: z
      .enum(expansions)
      .default('none')
      .describe('Reads each source with the chunks beside it, or with its section, up to 8,000 characters'),
    ...strictnessFields,
    deadline_ms: z.int().min(100).max(3_600_000).optional(),
    priority: z.int().min(1).max(10).default(defaultPriority).describe('1 is answered first, 10 last'),
    previous_answer_id: z
      .uuid()
      .optional()
      .describe(
        'An answer of yours that this question follows: what it leaves unsaid is taken from there, up to five turns back',
      ),
    webhook: requestWebhook.optional(),
    assistant: assistantName.optional(),
  })
  .refine((body) => (body.q === undefined) !== (body.question === undefined), {
    error: 'give the question as q or as question: exactly one of them',
    path: ['q'],
  })
  .meta({ id: 'Question' });

const feedbackRequest = z.strictObject({
  rating: z
    .union([z.literal(-1), z.int().min(1).max(5)], 'must be -1, or 1 (good), or 1 to 5 with scale: 5')
    .describe('1 | -1; 2 to 5 are read as 1…5'),
  scale: z
    .union([z.literal(1), z.literal(5)])
    .optional()
    .describe('5 when a rating of 1 means the worst of five; default: thumbs for ±1, five for 2 to 5'),
  reason: storable(z.string().max(200)).optional(),
  citation_n: z.int().positive().max(greatestInteger).optional(),
  comment: storable(z.string().max(2000)).optional(),
});

const feedbackSchema = z
  .object({
    answer_id: z.uuid(),
    rating: z.number().describe('0 (bad) … 1 (good)'),
    reason: z.string().nullable(),
    citation_n: z.int().nullable(),
    comment: z.string().nullable(),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'Feedback' });

export function answerRoutes(context: ApiContext): AnyRoute[] {
  const { db, queues } = context;
  const get: FindAnswer = async (id, caller) => {
    const row = await findAnswer(db, id, principalOf(caller));
    if (!row) throw noAnswer();
    return row;
  };
  const pace = createPace(context);
  return [
    askRoute(context, get, pace),
    ...answerReadingRoutes(context, get, pace),
    answerEventRoute(context, get),
    ...cancelRoutes(context, get),
    route({
      method: 'post',
      paths: ['/api/v1/answers/{id}/feedback'],
      scope: 'write',
      tag: 'answers',
      summary: 'Say how good an answer was; again replaces',
      params: idParams,
      body: feedbackRequest,
      responses: { 201: { description: 'Stored', schema: feedbackSchema } },
      handler: async ({ params, body, caller, raw }) => {
        const row = await get(params.id, caller);
        if (row.status !== 'completed' || row.request.replay)
          throw new AppError('conflict', 'Only a completed answer that is no replay can be rated.');
        const rating = scaled(body.rating, body.scale);
        const { rollout_id: asked } = row.request as { rollout_id?: string };
        const identity = rolloutIdentity(raw, caller, asked === undefined ? undefined : { id: asked });
        const flags = await context.flags.snapshot(identity);
        const stored = await saveFeedback(
          db,
          {
            answerId: row.id,
            apiKeyId: caller.id,
            rating,
            reason: body.reason === undefined ? null : keptText(context, body.reason),
            citationN: body.citation_n ?? null,
            comment: body.comment === undefined ? null : keptText(context, body.comment),
          },
          flags.neural_case_selector.on ? caseOf(row, answerResult.parse(row.result), 'feedback') : null,
        );
        await learnFromRating(context, row, caller.id, rating);
        if (flags.neural_case_selector.on) await queues.enqueue('tendCases', [{}]);
        return { status: 201, body: stored, headers: { Location: `/api/v1/answers/${row.id}` } };
      },
    }),
  ];
}

function noAnswer(): AppError {
  return new AppError('not_found', 'There is no such answer, or its time has passed.');
}

function askRoute(context: ApiContext, get: FindAnswer, pace: Pace): AnyRoute {
  const take = takeAnswers(context);
  return route({
    method: 'post',
    paths: ['/api/v1/answers', '/api/v1/answer', '/answer'],
    scope: 'read',
    tag: 'answers',
    summary: 'Ask a question',
    creates: true,
    body: request,
    responses: {
      200: { description: 'Finished within Prefer: wait', schema: answerSchema },
      202: { description: 'Accepted', schema: answerSchema },
    },
    handler: async (asking) => {
      await refuseWhenFull(context, 'answer');
      await refuseWhenSpent(context, asking.caller);
      return acceptAnswer(context, { get, pace, take }, asking, () => describe(context, asking));
    },
  });
}

interface Asked {
  body: z.output<typeof request>;
  caller: Caller;
  requestId: string;
  workId: string;
  raw: { get(name: string): string | undefined };
}

/** The question as it is to be stored. Throws where it may not be asked like that. */
async function describe(
  context: ApiContext,
  { body, caller, requestId, workId, raw }: Asked,
): Promise<NewAnswer> {
  const {
    q,
    question: long,
    deadline_ms,
    priority,
    previous_answer_id,
    webhook,
    assistant: named,
    ...asked
  } = body;
  const assistant = await assistantOf(context, caller, named);
  const { canonical_in, ...rest } = underAssistant(asked, assistant);
  const identity = rolloutIdentity(raw, caller, await readConversation(context, previous_answer_id, caller));
  const snapshot = await context.flags.snapshot(identity);
  return {
    id: workId,
    question: keptText(context, (q ?? long) as string),
    request: {
      ...rest,
      ...(canonical_in ? { canonical_in } : {}),
      ...(assistant && { assistant: askedAssistant(assistant) }),
      ...cacheWish(raw.get('cache-control')),
      ...(await keepRequestWebhook(context, caller, webhook)),
      flags: snapshot,
      ...(identity.by === 'key' ? {} : { rollout_id: identity.id }),
      scope: caller.scope,
      ...(caller.access && { access: caller.access }),
    },
    apiKeyId: caller.id,
    requestId,
    traceparent: raw.get('traceparent') ?? null,
    deadlineMs: deadline_ms ?? context.config.ANSWER_DEADLINE_MS,
    keepHours: context.config.ANSWER_TTL_HOURS,
    priority,
    previousAnswerId: previous_answer_id ?? null,
  };
}

/** Of the conversation that goes on: the identity that it was begun with, unless that was the key's. */
async function readConversation(
  { db }: ApiContext,
  previousId: string | undefined,
  caller: Caller,
): Promise<{ id: string } | undefined> {
  if (previousId === undefined) return undefined;
  const followed = await findFollowed(db, previousId, caller.id);
  if (!followed)
    throw new AppError('not_found', 'previous_answer_id names no answer of yours, or its time has passed.');
  return followed.rollout_id === null ? undefined : { id: followed.rollout_id };
}

function cancelRoutes({ db }: ApiContext, get: FindAnswer): AnyRoute[] {
  const shared = { scope: 'write', tag: 'answers', params: idParams } as const;
  return [
    route({
      ...shared,
      method: 'post',
      paths: ['/api/v1/answers/{id}/cancel'],
      summary: 'Cancel; an answer that has ended stays as it is',
      responses: { 200: { description: 'The answer', schema: answerSchema } },
      handler: async ({ params, caller }) => {
        await get(params.id, caller);
        await endAnswer(db, params.id, 'cancelled', null);
        return { status: 200, body: toAnswer(await get(params.id, caller)) };
      },
    }),
    route({
      ...shared,
      method: 'delete',
      paths: ['/api/v1/answers/{id}'],
      summary: 'Delete for good; one that has not ended is cancelled first',
      responses: { 204: { description: 'Deleted, now or before' } },
      handler: async ({ params, caller }) => {
        if (!(await deleteAnswer(db, params.id, principalOf(caller)))) throw noAnswer();
        return { status: 204 };
      },
    }),
  ];
}

/** ±1 is a thumb, 2…5 a scale of five; `scale` settles what 1 means. */
function scaled(rating: number, scale: 1 | 5 | undefined): number {
  if (rating === -1) return 0;
  if (rating === 1 && scale !== 5) return 1;
  return (rating - 1) / 4;
}
