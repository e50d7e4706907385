import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { type AnswerRow, endAnswer, findAnswer, insertAnswer } from '../db/answers.ts';
import { findExperience } from '../db/experiences.ts';
import { saveFeedback } from '../db/feedback.ts';
import { AppError } from '../errors.ts';
import { expansions } from '../retrieval/passage.ts';
import { answerSchema, isTerminal, pollAfterMs, toAnswer } from './answer-resource.ts';
import type { ApiContext } from './app.ts';
import { refuseWhenFull } from './backpressure.ts';
import { cacheWish } from './cache-wish.ts';
import { keptText } from './kept-text.ts';
import { type AnyRoute, type Reply, route } from './route.ts';
import {
  canonicalIn,
  filters,
  greatestInteger,
  idParams,
  storable,
  strategyName,
  timestamp,
} from './schemas.ts';

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
    deadline_ms: z.int().min(100).max(3_600_000).optional(),
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
  const { db, config, queues, flags } = context;
  const get = async (id: string) => {
    const row = await findAnswer(db, id);
    if (!row) throw new AppError('not_found', 'There is no such answer, or its time has passed.');
    return row;
  };
  return [
    route({
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
      handler: async ({ body, caller, requestId, workId, raw, signal }) => {
        await refuseWhenFull(context, 'answer');
        const { q, question: long, deadline_ms, canonical_in, ...rest } = body;
        const snapshot = await flags.snapshot(raw.get('x-rollout-id') ?? caller.id);
        const row = await insertAnswer(db, {
          id: workId,
          question: keptText(context, (q ?? long) as string),
          request: {
            ...rest,
            ...(canonical_in ? { canonical_in } : {}),
            ...cacheWish(raw.get('cache-control')),
            flags: snapshot,
            scope: caller.scope,
          },
          apiKeyId: caller.id,
          requestId,
          traceparent: raw.get('traceparent') ?? null,
          deadlineMs: deadline_ms ?? config.ANSWER_DEADLINE_MS,
          keepHours: config.ANSWER_TTL_HOURS,
        });
        await queues.enqueue('answerQuestion', [{ answerId: row.id }]);
        return replyWhenDone(row, raw.get('prefer'), get, signal, context.stopping);
      },
    }),
    route({
      method: 'get',
      paths: ['/api/v1/answers/{id}'],
      scope: 'read',
      tag: 'answers',
      summary: 'An answer, finished or not',
      params: idParams,
      responses: {
        200: { description: 'The answer', schema: answerSchema },
        304: { description: 'Unchanged since If-None-Match' },
      },
      handler: async ({ params, raw }) => {
        const row = await get(params.id);
        const etag = `"${row.id.slice(0, 8)}-${row.status}-${row.attempts}-${row.result?.sources_deleted ?? 0}"`;
        const headers = { ETag: etag, ...(isTerminal(row.status) ? {} : { 'Retry-After': '1' }) };
        if (raw.get('if-none-match') === etag) return { status: 304, headers };
        return { status: 200, body: toAnswer(row), headers };
      },
    }),
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
      handler: async ({ params, body, caller }) => {
        const row = await get(params.id);
        const experience = await findExperience(db, row.id, 'answer');
        if (row.status !== 'completed' || !experience)
          throw new AppError('conflict', 'Only a completed answer that is no replay can be rated.');
        const rating = scaled(body.rating, body.scale);
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
          {
            answerId: row.id,
            source: `feedback:${caller.id}`,
            ...experience,
            reward: rating,
            rewardParts: { feedback: rating },
          },
        );
        await queues.enqueue('learnFromExperience', [{}]);
        return { status: 201, body: stored, headers: { Location: `/api/v1/answers/${row.id}` } };
      },
    }),
  ];
}

function cancelRoutes({ db }: ApiContext, get: (id: string) => Promise<AnswerRow>): AnyRoute[] {
  const cancel = async (id: string): Promise<Reply> => {
    await get(id);
    await endAnswer(db, id, 'cancelled', null);
    return { status: 200, body: toAnswer(await get(id)) };
  };
  const shared = {
    scope: 'write',
    tag: 'answers',
    summary: 'Cancel; an answer that has ended stays as it is',
    params: idParams,
    responses: { 200: { description: 'The answer', schema: answerSchema } },
  } as const;
  return [
    route({
      ...shared,
      method: 'post',
      paths: ['/api/v1/answers/{id}/cancel'],
      handler: ({ params }) => cancel(params.id),
    }),
    route({
      ...shared,
      method: 'delete',
      paths: ['/api/v1/answers/{id}'],
      handler: ({ params }) => cancel(params.id),
    }),
  ];
}

/** ±1 is a thumb, 2…5 a scale of five; `scale` settles what 1 means. */
function scaled(rating: number, scale: 1 | 5 | undefined): number {
  if (rating === -1) return 0;
  if (rating === 1 && scale !== 5) return 1;
  return (rating - 1) / 4;
}

/** Longest `Prefer: wait` that is honoured, seconds. */
const longestWait = 60;
const pollMs = 100;

export async function replyWhenDone(
  row: AnswerRow,
  prefer: string | undefined,
  get: (id: string) => Promise<AnswerRow>,
  gone: AbortSignal,
  stopping: AbortSignal,
): Promise<Reply> {
  const wait = /(?:^|[,;\s])wait=(\d{1,6})/.exec(prefer ?? '')?.[1];
  const seconds = wait === undefined ? 0 : Math.min(longestWait, Number(wait));
  const headers: Record<string, string> =
    wait === undefined ? {} : { 'Preference-Applied': `wait=${seconds}` };
  const end = performance.now() + seconds * 1000;
  let latest = row;
  while (!isTerminal(latest.status) && performance.now() < end && !gone.aborted && !stopping.aborted) {
    await sleep(pollMs);
    latest = await get(row.id);
  }
  const location = { Location: `/api/v1/answers/${row.id}` };
  if (isTerminal(latest.status))
    return { status: 200, body: toAnswer(latest), headers: { ...headers, ...location } };
  return {
    status: 202,
    body: toAnswer(latest),
    headers: { ...headers, ...location, 'Retry-After': String(Math.ceil(pollAfterMs / 1000)) },
  };
}
