import { z } from 'zod';

export const replayModes = ['recorded', 'reexecute', 'counterfactual'] as const;
export type ReplayMode = (typeof replayModes)[number];

/** What makes an answer a replay: stored with its request. */
export interface ReplayRequest {
  of: string;
  mode: ReplayMode;
  /** Answer from the sources alone, whatever language model there is. */
  without_model?: boolean;
  require_same_corpus?: boolean;
}

const both = <T extends z.ZodType>(value: T) => z.object({ before: value, after: value });
const scores = z.object({
  score: z.number(),
  keyword_score: z.number().nullable(),
  vector_score: z.number().nullable(),
  rerank_score: z.number().nullable(),
});
const placed = { chunk_id: z.uuid(), document_id: z.uuid(), version: z.int(), rank: z.int().min(1) };

const retrievalDiff = z.object({
  identical: z.boolean().describe('The same passages with the same texts and scores in the same order'),
  kept: z.int().describe('Passages that were found both times'),
  added: z.array(
    z.object({
      ...placed,
      ...scores.shape,
      same_text_as: z.uuid().nullable().describe('A passage that is gone and had the same text'),
    }),
  ),
  gone: z.array(
    z.object({ ...placed, ...scores.shape, deleted: z.boolean().describe('Its document was deleted since') }),
  ),
  moved: z.array(z.object({ chunk_id: z.uuid(), from: z.int(), to: z.int() })).describe('Ranks, from 1'),
  rescored: z.array(z.object({ chunk_id: z.uuid(), ...both(scores).shape })),
  text_changed: z
    .array(z.uuid())
    .describe('Passages whose text is another one: joined or expanded otherwise'),
});

const answerDiff = z.object({
  identical: z.boolean().describe('The same text, sources, confidence and model'),
  text_changed: z.boolean(),
  abstained: both(z.boolean()),
  confidence: both(z.number()),
  model: both(z.string()),
  degraded: both(z.string().nullable()),
  prompt_identical: z
    .boolean()
    .nullable()
    .describe('Whether the model was sent the same, to the letter; null unless one was asked both times'),
  sentences: z.object({ kept: z.int(), added: z.int(), gone: z.int() }),
  sources: z
    .object({ kept: z.int(), added: z.int(), gone: z.int() })
    .describe('By document, version and place'),
});

/** How a replay differs from what was recorded. Holds no text of any document: what was said stands in the two answers. */
export const replayDiff = z
  .object({
    identical: z.boolean(),
    corpus_changed: z.boolean(),
    corpus_version: both(z.int()),
    changed: z
      .array(z.object({ what: z.string(), before: z.unknown(), after: z.unknown() }))
      .describe('Everything else that the answer depends on and that is another one now'),
    sources_deleted: z.int().describe('Sources of the recorded answer whose document was deleted since'),
    retrieval: retrievalDiff.nullable().describe('null where nothing was searched: recorded'),
    answer: answerDiff,
  })
  .meta({ id: 'ReplayDiff' });
export type ReplayDiff = z.output<typeof replayDiff>;
export type RetrievalDiff = z.output<typeof retrievalDiff>;
export type AnswerDiff = z.output<typeof answerDiff>;
