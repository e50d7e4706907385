import { z } from 'zod';
import { principalOf } from '../access.ts';
import { type ReplayMode, type ReplayRequest, replayModes } from '../answer-replay.ts';
import { findRecord } from '../db/answer-records.ts';
import { type AnswerRow, findAnswer } from '../db/answers.ts';
import type { Db } from '../db/connect.ts';
import { readCorpusVersion } from '../db/replays.ts';
import { AppError } from '../errors.ts';
import type { FlagSnapshot, FlagState } from '../flag-service.ts';
import { type FlagKey, flagKeys } from '../flags.ts';
import { expansions } from '../retrieval/passage.ts';
import { acceptAnswer } from './accept-answer.ts';
import type { FindAnswer } from './answer-events.ts';
import { strictnessFields } from './answer-fields.ts';
import { createPace } from './answer-pace.ts';
import { answerSchema } from './answer-resource.ts';
import type { ApiContext } from './app.ts';
import { refuseWhenFull } from './backpressure.ts';
import { refuseWhenSpent } from './refuse-when-spent.ts';
import { type AnyRoute, type Caller, route } from './route.ts';
import { idParams, strategyName } from './schemas.ts';
import { takeAnswers } from './take-answers.ts';

const overrides = z
  .strictObject({
    strategy: strategyName.optional(),
    mode: z.enum(['answer', 'summary', 'keypoints']).optional(),
    final_topk: z.int().min(1).max(50).optional(),
    merge_neighbours: z.boolean().optional(),
    expand: z.enum(expansions).optional(),
    ...strictnessFields,
    model: z.literal('extractive').optional().describe('Answers from the sources alone, without a model'),
    flags: z
      .strictObject(Object.fromEntries(flagKeys.map((key) => [key, z.boolean().optional()])))
      .optional(),
  })
  .refine((given) => JSON.stringify(given) !== '{}', 'name at least one thing to be another one')
  .describe('What is to be another one than it was, for counterfactual only');

const request = z
  .strictObject({
    mode: z
      .enum(replayModes)
      .describe(
        'recorded: as it was, without model and search; reexecute: the same request made anew; counterfactual: with overrides',
      ),
    overrides: overrides.optional(),
    require_same_corpus: z
      .boolean()
      .default(false)
      .describe('409 when the corpus has changed since the answer; otherwise corpus_changed says so'),
  })
  .refine((body) => (body.mode === 'counterfactual') === (body.overrides !== undefined), {
    error: 'counterfactual needs overrides, and the other modes take none',
    path: ['overrides'],
  })
  .meta({ id: 'Replay' });
type Body = z.output<typeof request>;

export function replayRoutes(context: ApiContext): AnyRoute[] {
  const { db, config, flags } = context;
  const pace = createPace(context);
  const take = takeAnswers(context);
  const get: FindAnswer = async (id, caller) => {
    const row = await findAnswer(db, id, principalOf(caller));
    if (!row) throw new AppError('not_found', 'There is no such answer, or its time has passed.');
    return row;
  };
  return [
    route({
      method: 'post',
      paths: ['/api/v1/answers/{id}/replay'],
      scope: 'write',
      tag: 'answers',
      summary: 'Replay an answer: as recorded, anew, or as it would have been',
      params: idParams,
      creates: true,
      body: request,
      responses: {
        200: { description: 'Finished within Prefer: wait', schema: answerSchema },
        202: { description: 'Accepted: an answer of its own', schema: answerSchema },
      },
      handler: async ({ params, body, caller, requestId, workId, raw, signal }) => {
        await refuseWhenFull(context, 'answer');
        if (body.mode !== 'recorded') await refuseWhenSpent(context, caller);
        const original = await get(params.id, caller);
        await refuseUnfit(db, original, body);
        const states = await flags.list();
        return acceptAnswer(context, { get, pace, take }, { caller, workId, raw, signal }, async () => ({
          id: workId,
          question: original.question,
          request: requestOf(original, body, caller, states),
          apiKeyId: caller.id,
          requestId,
          traceparent: raw.get('traceparent') ?? null,
          deadlineMs: config.ANSWER_DEADLINE_MS,
          keepHours: config.ANSWER_TTL_HOURS,
          priority: original.priority,
          // Where the question followed another one, it still does.
          previousAnswerId: original.previous_answer_id,
        }));
      },
    }),
  ];
}

async function refuseUnfit(db: Db, original: AnswerRow, { require_same_corpus }: Body): Promise<void> {
  const { replay } = original.request as { replay?: ReplayRequest };
  if (replay)
    throw new AppError('conflict', `This answer is a replay itself: replay the answer ${replay.of}.`);
  if (original.status !== 'completed')
    throw new AppError('conflict', 'Only a completed answer can be replayed.');
  const record = await findRecord(db, original.id);
  if (!record)
    throw new AppError('conflict', 'This answer is from before it was recorded what answers are made of.');
  const now = await readCorpusVersion(db);
  if (require_same_corpus && record.corpus_version !== now)
    throw new AppError(
      'conflict',
      `The corpus has changed since: from version ${record.corpus_version} to ${now}. Leave require_same_corpus out to replay on the present one.`,
    );
}

/** The request that was recorded with what is to be another one, for the key that asks now: it is shown no more than it may see. */
function requestOf(
  original: AnswerRow,
  { mode, overrides: given = {}, require_same_corpus }: Body,
  caller: Caller,
  states: readonly FlagState[],
): Record<string, unknown> {
  const {
    scope: _scope,
    access: _access,
    cache_control: _cached,
    webhook: _webhook,
    ...kept
  } = original.request;
  const { flags: wanted = {}, model, ...changed } = given;
  const replay: ReplayRequest = {
    ...{ of: original.id, mode: mode as ReplayMode, require_same_corpus },
    ...(model === 'extractive' ? { without_model: true } : {}),
  };
  return {
    ...kept,
    ...changed,
    flags: replayFlags(kept.flags as Partial<FlagSnapshot>, wanted, states),
    scope: caller.scope,
    ...(caller.access && { access: caller.access }),
    replay,
  };
}

/** As they were recorded, or as wanted. What is killed stays off: a replay is no way round that. */
function replayFlags(
  recorded: Partial<FlagSnapshot> = {},
  wanted: Partial<Record<FlagKey, boolean | undefined>>,
  states: readonly FlagState[],
): Record<string, unknown> {
  const killed = new Set(states.filter(({ source }) => source === 'kill').map(({ key }) => key));
  const forbidden = flagKeys.find((key) => wanted[key] && killed.has(key));
  if (forbidden)
    throw new AppError('conflict', `The flag ${forbidden} is killed: a replay can't turn it on either.`);
  return Object.fromEntries(
    flagKeys.flatMap((key) => {
      if (wanted[key] !== undefined) return [[key, { on: wanted[key], reason: 'replay', percent: 100 }]];
      if (recorded[key]?.on && killed.has(key)) return [[key, { on: false, reason: 'kill', percent: 0 }]];
      return recorded[key] ? [[key, recorded[key]]] : [];
    }),
  );
}
