import { z } from 'zod';
import { type EvaluationRow, evaluationStatuses } from '../db/evaluations.ts';
import { measureNames } from '../evaluation/summarise.ts';
import { strategies } from '../retrieval/passage.ts';
import { errorSummarySchema, timestamp } from './schemas.ts';

const interval = z.tuple([z.number(), z.number()]);

const measures = <T extends z.ZodType>(each: T) =>
  Object.fromEntries(measureNames.map((name) => [name, each])) as Record<(typeof measureNames)[number], T>;

const strategyScores = z.object({
  ...measures(z.number()),
  intervals: z.object(measures(interval)).describe('95 %, bootstrap over the questions'),
  queries: z.int(),
});

const resultSchema = z.object({
  strategies: z.record(z.string(), strategyScores),
  differences: z
    .array(
      z.object({
        first: z.string(),
        second: z.string(),
        measure: z.enum(measureNames),
        mean: z.number().describe('First minus second, question by question'),
        interval: interval.describe('95 %, bootstrap; without 0 in it the difference is more than chance'),
        p: z
          .number()
          .describe('Two-sided, of a paired randomisation test; absent before it was measured')
          .optional(),
        queries: z.int().describe('Questions that both were measured on').optional(),
      }),
    )
    .describe('Of every two strategies'),
  queries: z.object({
    measured: z.int(),
    unanswerable: z.int().describe('Left out: none of the documents that answer them exists'),
    with_missing_documents: z.int().describe('Some judged document does not exist; it counts as not found'),
  }),
  missing_judgements: z.int(),
  corpus_versions: z
    .object({ first: z.int(), last: z.int() })
    .describe('Differ when documents came or went meanwhile'),
  models: z.array(z.string()).describe('Embedding models that were searched with'),
});

export const evaluationSchema = z
  .object({
    id: z.uuid(),
    name: z.string().nullable(),
    status: z.enum(evaluationStatuses),
    is_terminal: z.boolean(),
    strategies: z.array(z.enum(strategies)),
    queries: z.int(),
    progress: z.number(),
    notes: z.array(z.string()).describe('What to know of the result, in plain sentences'),
    result: resultSchema.nullable(),
    error: errorSummarySchema.nullable(),
    poll_after_ms: z.int().nullable(),
    created_at: timestamp,
    completed_at: timestamp.nullable(),
    links: z.object({ self: z.string() }),
  })
  .meta({ id: 'Evaluation' });

export const evaluationsPath = '/api/v1/admin/evaluations';

export function toEvaluation(row: EvaluationRow) {
  const isTerminal = row.status !== 'queued' && row.status !== 'in_progress';
  return {
    id: row.id,
    name: row.name,
    status: row.status,
    is_terminal: isTerminal,
    strategies: row.strategies,
    queries: row.queries,
    progress: row.measured / (row.queries * row.strategies.length),
    notes: notesOn(row),
    result: row.result,
    error: row.error,
    poll_after_ms: isTerminal ? null : 1000,
    created_at: row.created_at,
    completed_at: row.completed_at,
    links: { self: `${evaluationsPath}/${row.id}` },
  };
}

function notesOn({ result, queries }: EvaluationRow): string[] {
  if (!result) return [];
  const notes: string[] = [];
  const { unanswerable, with_missing_documents: missing } = result.queries;
  if (unanswerable > 0)
    notes.push(`${unanswerable} of ${queries} questions are left out: no document that answers them exists.`);
  if (missing > unanswerable)
    notes.push(
      `${missing - unanswerable} more name a judged document that does not exist: it counts as not found.`,
    );
  if (result.corpus_versions.first !== result.corpus_versions.last)
    notes.push('Documents came or went while it ran: not every question was asked of the same corpus.');
  if (result.models.length > 1)
    notes.push(`The embedding model changed while it ran: ${result.models.join(', ')}.`);
  return notes;
}
