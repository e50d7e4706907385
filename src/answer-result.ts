import { z } from 'zod';
import { replayDiff } from './answer-replay.ts';

const span = z.tuple([z.int(), z.int()]);
const source = z.object({
  n: z.int(),
  document_id: z.uuid(),
  version: z.int(),
  chunk_id: z.uuid(),
  title: z.string().nullable(),
  source_url: z.string().nullable(),
  date: z.string().nullable(),
  taxonomy_path: z.array(z.string()),
  hybrid_score: z.number(),
  text: z.string(),
  quote: z.string(),
  char_range: span.describe("UTF-16 offsets into the version's text"),
  page: z.int().nullable(),
  answer_spans: z.array(span).describe('UTF-16 offsets into answer'),
  verified: z.boolean().describe('true only when quote stands at char_range'),
  deleted: z
    .boolean()
    .optional()
    .describe('true: its document was deleted since; title, text and quote are gone with it'),
});

/** What a worker writes when an answer is completed. */
export const answerResult = z.object({
  answer: z.string(),
  abstained: z.boolean(),
  language: z.string(),
  model: z.string(),
  degraded: z.string().nullable(),
  sources: z.array(source),
  source_count: z.int(),
  sources_deleted: z
    .int()
    .optional()
    .describe('Sources whose document was deleted since: only what the others support is left of the answer'),
  confidence: z.number(),
  confidence_reasons: z.array(z.string()),
  retrieval: z.object({
    strategy: z.string(),
    policy_version: z.int().nullable(),
    propensity: z.number(),
    explored: z.boolean(),
    candidates: z.int(),
    taxonomy_version: z.string(),
    corpus_version: z.int(),
  }),
  steps: z.array(
    z.object({ name: z.string(), ms: z.number(), outcome: z.string(), detail: z.string().optional() }),
  ),
  usage: z.object({
    input_tokens: z.int(),
    output_tokens: z.int(),
    llm_calls: z.int(),
    cost_usd: z.number().nullable(),
    cache: z.enum(['hit', 'miss', 'off']).describe('Whether what was found came from the cache'),
    answer_cache: z
      .enum(['hit', 'miss', 'off'])
      .optional()
      .describe('Whether the whole answer did: a hit cost nothing'),
  }),
  search_time: z.number(),
  generation_time: z.number(),
  total_time: z.number(),
  queued_ms: z.int(),
  diff: replayDiff.optional().describe('Of a replay: how it differs from what was recorded'),
});
export type AnswerResult = z.output<typeof answerResult>;
