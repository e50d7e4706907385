import { z } from 'zod';
import { type ReplayRequest, replayModes } from '../answer-replay.ts';
import { type AnswerResult, answerResult } from '../answer-result.ts';
import { type AnswerRow, type AnswerStatus, answerStatuses } from '../db/answers.ts';
import { errorSummarySchema, timestamp } from './schemas.ts';

export const answerSchema = z
  .object({
    id: z.uuid(),
    status: z.enum(answerStatuses),
    is_terminal: z.boolean(),
    question: z.string(),
    mode: z.string(),
    flags: z.record(z.string(), z.object({ on: z.boolean(), reason: z.string(), percent: z.number() })),
    ...answerResult.partial().shape,
    replay_of: z.uuid().optional().describe('Of a replay: the answer that it replays'),
    replay_mode: z.enum(replayModes).optional(),
    poll_after_ms: z.int().nullable(),
    request_id: z.string().nullable(),
    created_at: timestamp,
    completed_at: timestamp.nullable(),
    expires_at: timestamp,
    error: errorSummarySchema.nullable(),
    links: z.object({ self: z.string(), cancel: z.string(), feedback: z.string() }),
  })
  .meta({ id: 'Answer' });

export const pollAfterMs = 500;

export function isTerminal(status: AnswerStatus): boolean {
  return status !== 'queued' && status !== 'in_progress';
}

export function toAnswer(row: AnswerRow) {
  const { mode, flags, replay } = row.request as {
    mode: string;
    flags: Record<string, unknown>;
    replay?: ReplayRequest;
  };
  const self = `/api/v1/answers/${row.id}`;
  return {
    id: row.id,
    status: row.status,
    is_terminal: isTerminal(row.status),
    question: row.question,
    mode,
    flags,
    ...shownResult(row.result),
    ...(replay ? { replay_of: replay.of, replay_mode: replay.mode } : {}),
    poll_after_ms: isTerminal(row.status) ? null : pollAfterMs,
    request_id: row.request_id,
    created_at: row.created_at,
    completed_at: row.completed_at,
    expires_at: row.expires_at,
    error: row.error,
    links: { self, cancel: `${self}/cancel`, feedback: `${self}/feedback` },
  };
}

/** Answers say of every source whether its document is still there. */
function shownResult(result: AnswerRow['result']): Record<string, unknown> {
  if (!result) return {};
  const { sources = [], sources_deleted = 0 } = result as Partial<AnswerResult>;
  const shown = sources.map((source) => ({ ...source, deleted: source.deleted ?? false }));
  return { ...result, sources: shown, sources_deleted };
}
