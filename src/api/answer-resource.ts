import { z } from 'zod';
import { type ReplayRequest, replayModes } from '../answer-replay.ts';
import { type AnswerResult, answerResult } from '../answer-result.ts';
import type { AskedAssistant } from '../assistants.ts';
import { type AnswerRow, type AnswerStatus, answerStatuses } from '../db/answers.ts';
import { errorSummarySchema, timestamp } from './schemas.ts';

/** What a flag was for this answer, and why, also in the words of OpenFeature. */
const evaluatedFlag = z.object({
  on: z.boolean(),
  reason: z.string(),
  percent: z.number(),
  variant: z.string().optional(),
  resolution_reason: z.string().optional().describe('As OpenFeature has it: SPLIT, STATIC, DISABLED…'),
  identity: z.string().optional().describe('What a share was decided by: header, conversation or key'),
  version: z.int().optional().describe('Of the stored value that was in force'),
  error_code: z.string().optional().describe('Why the configured provider gave no value'),
});

export const answerSchema = z
  .object({
    id: z.uuid(),
    status: z.enum(answerStatuses),
    is_terminal: z.boolean(),
    question: z.string(),
    mode: z.string(),
    priority: z.int(),
    previous_answer_id: z.uuid().nullable(),
    flags: z.record(z.string(), evaluatedFlag),
    assistant: z
      .object({ id: z.uuid(), name: z.string() })
      .optional()
      .describe('Within whose scope it was answered, as it was called then'),
    ...answerResult.partial().shape,
    replay_of: z.uuid().optional().describe('Of a replay: the answer that it replays'),
    replay_mode: z.enum(replayModes).optional(),
    poll_after_ms: z.int().nullable(),
    request_id: z.string().nullable(),
    created_at: timestamp,
    completed_at: timestamp.nullable(),
    expires_at: timestamp,
    error: errorSummarySchema.nullable(),
    links: z.object({ self: z.string(), events: z.string(), cancel: z.string(), feedback: z.string() }),
  })
  .meta({ id: 'Answer' });

export function isTerminal(status: AnswerStatus): boolean {
  return status !== 'queued' && status !== 'in_progress';
}

/** What is known of an answer that has not ended. */
export interface Underway {
  pollAfterMs: number;
  /** Steps done so far. */
  steps?: readonly unknown[];
}

const unknown: Underway = { pollAfterMs: 1000 };

export function toAnswer(row: AnswerRow, { pollAfterMs, steps }: Underway = unknown) {
  const { assistant, mode, flags, replay } = row.request as {
    assistant?: AskedAssistant;
    mode: string;
    flags: Record<string, unknown>;
    replay?: ReplayRequest;
  };
  const self = `/api/v1/answers/${row.id}`;
  const ended = isTerminal(row.status);
  return {
    id: row.id,
    status: row.status,
    is_terminal: ended,
    question: row.question,
    mode,
    priority: row.priority,
    previous_answer_id: row.previous_answer_id,
    flags,
    ...(assistant && { assistant: { id: assistant.id, name: assistant.name } }),
    ...(ended || !steps ? {} : { steps }),
    ...shownResult(row.result),
    ...(replay ? { replay_of: replay.of, replay_mode: replay.mode } : {}),
    poll_after_ms: ended ? null : pollAfterMs,
    request_id: row.request_id,
    created_at: row.created_at,
    completed_at: row.completed_at,
    expires_at: row.expires_at,
    error: row.error,
    links: { self, events: `${self}/events`, cancel: `${self}/cancel`, feedback: `${self}/feedback` },
  };
}

/** Answers say of every source whether its document is still there. */
function shownResult(result: AnswerRow['result']): Record<string, unknown> {
  if (!result) return {};
  const { sources = [], sources_deleted = 0 } = result as Partial<AnswerResult>;
  const shown = sources.map((source) => ({ ...source, deleted: source.deleted ?? false }));
  return { ...result, sources: shown, sources_deleted };
}
