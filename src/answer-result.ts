import { z } from 'zod';
import { replayDiff } from './answer-replay.ts';
import { countedBy } from './db/model-calls.ts';

/** In what an answer is less than it could be. */
export const degradeCodes = [
  'retrieval_timeout',
  'llm_timeout',
  'llm_unavailable',
  'llm_rate_limited',
  'llm_bad_output',
  'llm_refused',
  'llm_cut',
  'budget_exhausted',
  'deadline_too_short',
  'unverified',
  'fallback_model',
  'extractive',
] as const;
export type DegradeCode = (typeof degradeCodes)[number];

const span = z.tuple([z.int(), z.int()]);
const source = z.object({
  n: z.int(),
  kind: z.literal('tool').optional().describe('tool: what a tool said; absent: a document'),
  document_id: z.uuid().nullable().describe('null, as version and chunk_id are: it is of a tool'),
  version: z.int().nullable(),
  chunk_id: z.uuid().nullable(),
  tool: z
    .object({
      name: z.string(),
      server: z.string(),
      arguments_hash: z.string().describe('SHA-256'),
      called_at: z.iso.datetime(),
    })
    .optional()
    .describe('Of kind tool: what was called'),
  title: z.string().nullable(),
  source_url: z.string().nullable(),
  date: z.string().nullable(),
  taxonomy_path: z.array(z.string()),
  hybrid_score: z.number(),
  text: z.string(),
  quote: z.string(),
  char_range: span.describe("UTF-16 offsets into the version's text; of a tool, into text"),
  page: z.int().nullable(),
  answer_spans: z.array(span).describe('UTF-16 offsets into answer'),
  verified: z.boolean().describe('true only when quote stands at char_range'),
  support: z
    .number()
    .optional()
    .describe(
      'How far quote carries the sentences that cite it, the least of them, 0…1; 1: they are the quote. Absent in answers of before it was kept',
    ),
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
  degraded_codes: z
    .array(z.enum(degradeCodes))
    .describe('What led to `degraded`, and which rung was taken: fallback_model or extractive'),
  sources: z.array(source),
  source_count: z.int(),
  sources_deleted: z
    .int()
    .optional()
    .describe('Sources whose document was deleted since: only what the others support is left of the answer'),
  contextual_question: z
    .string()
    .optional()
    .describe('What was searched for and answered: the question with what it leaves to the turns before it'),
  confidence: z.number(),
  confidence_reasons: z.array(z.string()),
  unsupported_spans: z
    .array(span)
    .optional()
    .describe('UTF-16 offsets into answer of sentences that no source carries; none unless they are kept'),
  conflicts: z
    .array(
      z.object({
        n: z.tuple([z.int(), z.int()]).describe('The two sources'),
        values: z.tuple([z.string(), z.string()]).describe('What each has, to the letter'),
      }),
    )
    .optional()
    .describe('Cited sources that state different amounts or dates where they otherwise say the same'),
  retrieval: z.object({
    strategy: z.string(),
    policy_version: z.int().nullable(),
    propensity: z.number(),
    explored: z.boolean(),
    policy: z
      .object({
        name: z.string(),
        state: z
          .string()
          .describe('Levels of complexity, kind of question, and evidence of words and meaning'),
        action: z.string().describe('keyword, hybrid or vector_heavy, and direct or deliberate'),
      })
      .optional()
      .describe('What decided the retrieval, where a policy did (flag soft_q_bandit)'),
    candidates: z.int(),
    taxonomy_version: z.string(),
    corpus_version: z.int(),
    cases: z
      .array(
        z.object({
          case_id: z.uuid(),
          answer_id: z.uuid().describe('The earlier answer that it was'),
          question: z.string(),
          confirmed_by: z.enum(['support', 'feedback']),
          score: z.number().describe('Likeness of the questions, 0…1'),
        }),
      )
      .optional()
      .describe('Earlier answers to questions like this one that helped; absent where none did'),
    suspicious: z
      .array(z.object({ chunk_id: z.uuid(), suspicions: z.array(z.string()) }))
      .optional()
      .describe('Sources that seem to speak to language models: listed last, and marked for the model'),
  }),
  plan: z
    .object({
      complexity: z.enum(['simple', 'medium', 'complex']),
      strategy: z
        .enum(['direct', 'multi_step'])
        .describe('multi_step: the sub-questions were searched too, and what they found was merged'),
      sub_questions: z.array(z.string()),
      tools: z.array(z.object({ name: z.string(), arguments: z.record(z.string(), z.unknown()) })),
      by: z.enum(['heuristic', 'model']),
      reasoning: z.string(),
    })
    .optional()
    .describe('How the question was planned; absent while meta_planner is off'),
  debate: z
    .object({
      outcome: z
        .enum(['synthesis', 'fallback', 'skipped'])
        .describe('fallback: it failed, and a single answer took its place; skipped: none was held'),
      rounds: z.int().describe('Rounds that both agents finished'),
      calls: z.int().describe('Of the model, made for it'),
      ms: z.number(),
      reason: z.string().optional(),
    })
    .optional()
    .describe('How the debate over the sources went; absent while debate_mode is off'),
  tools: z
    .array(
      z.object({
        name: z.string(),
        ok: z.boolean(),
        ms: z.number(),
        bytes: z.int().describe('Of what it said, before it was cut'),
        error: z.string().optional().describe('denied, budget, timeout, unavailable, too_large, …'),
        reason: z.string().optional().describe('The decision, as GET /api/v1/admin/tools/calls has it'),
        suspicions: z.array(z.string()).optional().describe('It seems to speak to language models'),
      }),
    )
    .optional()
    .describe('Tools that were called for the answer, or were to be'),
  steps: z.array(
    z.object({
      name: z.string(),
      ms: z.number(),
      outcome: z.string(),
      detail: z.string().optional(),
      budget_ms: z.number().optional(),
    }),
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
  model_calls: z.array(
    z.object({
      model: z.string(),
      ms: z.number().nullable(),
      outcome: z.string().describe('ok, timeout, cancelled, an error code, or unknown: its worker died'),
      input_tokens: z.int(),
      output_tokens: z.int(),
      counted: z
        .enum(countedBy)
        .describe('Who says so: the provider; we, where it was cut off before it could; none: not charged'),
      cost_usd: z.number().nullable().describe('null: the model has no price in LLM_PRICES'),
    }),
  ),
  search_time: z.number(),
  generation_time: z.number(),
  total_time: z.number(),
  queued_ms: z.int(),
  diff: replayDiff.optional().describe('Of a replay: how it differs from what was recorded'),
});
export type AnswerResult = z.output<typeof answerResult>;
