import { z } from 'zod';
import { findRecord } from '../db/answer-records.ts';
import { AppError } from '../errors.ts';
import type { ApiContext } from './app.ts';
import { type AnyRoute, route } from './route.ts';
import { idParams, timestamp } from './schemas.ts';

const recordSchema = z
  .object({
    answer_id: z.uuid(),
    corpus_version: z.int(),
    taxonomy_version: z.string(),
    generation_id: z.uuid().nullable(),
    embedding_model: z.string().nullable(),
    analyzer_version: z.int(),
    policy_version: z.int().nullable(),
    prompt_version: z.string().describe("Of the prompt's template"),
    prompt_hash: z.string().nullable().describe('SHA-256 of what the model was sent; null when none was'),
    service_version: z.string(),
    strategy: z.string().describe('The one that was used'),
    settings: z.record(z.string(), z.unknown()),
    passages: z
      .array(
        z.object({
          chunk_id: z.uuid(),
          chunk_ids: z.array(z.uuid()),
          document_id: z.uuid(),
          version: z.int(),
          text_hash: z
            .string()
            .nullable()
            .describe('SHA-256 of its text; null once its document was deleted'),
          score: z.number(),
          keyword_score: z.number().nullable(),
          vector_score: z.number().nullable(),
          rerank_score: z.number().nullable(),
          deleted: z.boolean().optional(),
        }),
      )
      .describe('What was found, best first'),
    result_hash: z
      .string()
      .nullable()
      .describe('SHA-256 of the result as it was stored; null once a document that it cites was deleted'),
    raw: z
      .array(
        z.object({
          model: z.string(),
          text: z.string(),
          finish_reason: z.string(),
          input_tokens: z.int(),
          output_tokens: z.int(),
        }),
      )
      .nullable()
      .describe('What the language model wrote, masked; null without one, or when RAW_OUTPUT_HOURS are over'),
    raw_until: timestamp.nullable(),
    cached_from: z.uuid().nullable().describe('The answer that it is a copy of'),
    created_at: timestamp,
  })
  .meta({ id: 'AnswerRecord' });

export function answerRecordRoutes({ db }: ApiContext): AnyRoute[] {
  return [
    route({
      method: 'get',
      paths: ['/api/v1/admin/answers/{id}/record'],
      scope: 'admin',
      tag: 'answers',
      summary: 'What an answer was made of',
      params: idParams,
      responses: { 200: { description: 'The record', schema: recordSchema } },
      handler: async ({ params }) => {
        const record = await findRecord(db, params.id);
        if (!record) throw new AppError('not_found', 'There is no record of such an answer.');
        // The delimiters of its prompt follow from the seed, and those of its replays too.
        const { seed: _seed, document_ids: _ids, ...shown } = record;
        return { status: 200, body: shown };
      },
    }),
  ];
}
