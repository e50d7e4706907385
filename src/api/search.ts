import { z } from 'zod';
import type { CaseMatch } from '../cases.ts';
import { AppError } from '../errors.ts';
import { flagsOn } from '../flag-service.ts';
import { rolloutIdentity } from '../flags/rollout-identity.ts';
import { analyzeQuestion } from '../retrieval/analyze.ts';
import { toFilters } from '../retrieval/filters.ts';
import { highlight } from '../retrieval/highlight.ts';
import { expansions, type Passage } from '../retrieval/passage.ts';
import { rerankOutcomes } from '../retrieval/rerank.ts';
import type { ApiContext } from './app.ts';
import { keptText } from './kept-text.ts';
import { type AnyRoute, route } from './route.ts';
import { assistantName, canonicalIn, filters, metadata, storable } from './schemas.ts';
import { assistantOf, underAssistant } from './use-assistant.ts';

const request = z.strictObject({
  q: storable(z.string().trim().min(1).max(2000)),
  max_results: z.int().min(1).max(100).default(10),
  canonical_in: canonicalIn.optional(),
  min_score: z.number().min(0).max(1).optional(),
  include_highlights: z.boolean().default(true),
  search_mode: z.enum(['hybrid', 'bm25', 'vector']).default('hybrid'),
  use_neural: z.boolean().default(false),
  filters: filters.optional(),
  assistant: assistantName.optional(),
  rerank: z
    .boolean()
    .optional()
    .describe('false: leave the reranker out; true: refuse where none is set up. Left out: as it is set up'),
  max_per_document: z
    .int()
    .min(1)
    .max(100)
    .optional()
    .describe('Most passages of one document, as long as other documents can fill the list'),
  merge_neighbours: z
    .boolean()
    .default(false)
    .describe('Joins found chunks that follow each other to one hit; max_results counts what that leaves'),
  expand: z
    .enum(expansions)
    .default('none')
    .describe('Returns each hit with the chunks beside it, or with its section, up to 8,000 characters'),
});

const hit = z.object({
  chunk_id: z.uuid().describe('The chunk that was found; of several joined, the best one'),
  chunk_ids: z.array(z.uuid()).describe('All chunks that the text is made of, in their order'),
  document_id: z.uuid(),
  version: z.int(),
  score: z.number(),
  keyword_score: z.number().nullable(),
  vector_score: z.number().nullable(),
  rerank_score: z.number().nullable().describe('Judgement of the reranker, 0…1; null where it saw nothing'),
  text: z.string(),
  char_range: z.tuple([z.int(), z.int()]),
  page: z.int().nullable(),
  heading: z.string().nullable(),
  context: z
    .string()
    .nullable()
    .describe('Header row or lead-in of the table or list in whose midst the text begins'),
  source: z.object({
    url: z.string().nullable(),
    title: z.string().nullable(),
    date: z.string().nullable(),
    author: z.string().nullable(),
    content_type: z.string(),
    language: z.string().nullable(),
  }),
  taxonomy_path: z.array(z.string()),
  highlights: z.array(z.object({ start: z.int(), end: z.int() })).describe('UTF-16 offsets into text'),
  metadata,
});

export const searchResponse = z
  .object({
    hits: z.array(hit),
    latency: z.number().describe('Seconds'),
    request_id: z.string(),
    total_candidates: z.int(),
    sources_count: z.int(),
    taxonomy_version: z.string(),
    query_analysis: z.object({
      language: z.string(),
      words: z.array(z.object({ word: z.string(), idf: z.number() })),
      vector_weight: z.number(),
      rerank: z
        .object({ model: z.string(), passages: z.int(), outcome: z.enum(rerankOutcomes) })
        .nullable()
        .describe('null without a reranker; unless applied, the order is the one without it'),
      notes: z.array(z.string()),
    }),
    mode: z.enum(['hybrid', 'bm25', 'vector']),
    cache: z.enum(['hit', 'miss', 'off']),
    generation: z
      .object({ id: z.uuid(), model: z.string() })
      .nullable()
      .describe('The embedding generation that was searched'),
    cases: z
      .array(
        z.object({
          case_id: z.uuid(),
          answer_id: z.uuid(),
          question: z.string(),
          answer: z.string(),
          confirmed_by: z.enum(['support', 'feedback']),
          score: z.number(),
          chunk_ids: z.array(z.uuid()).describe('Of the hits, those that it cited'),
        }),
      )
      .optional()
      .describe(
        'With use_neural: earlier answers to questions like this one; what they cited counts more. Absent where nobody looked for any',
      ),
  })
  .meta({ id: 'SearchResponse' });

export function searchRoutes(context: ApiContext): AnyRoute[] {
  const { flags, reranking, search } = context;
  return [
    route({
      method: 'post',
      paths: ['/api/v1/search', '/search'],
      scope: 'read',
      tag: 'search',
      summary: 'Find passages',
      body: request,
      responses: { 200: { description: 'Passages, best first', schema: searchResponse } },
      handler: async ({ body: given, caller, raw, requestId, signal }) => {
        const started = performance.now();
        // A search says how it searches, so of its assistant it has the scope alone.
        const body = underAssistant(given, await assistantOf(context, caller, given.assistant));
        if (body.rerank && !reranking) throw noReranker();
        // What is cached of a search, and the hash that it is found by, must not tell a number.
        const q = keptText(context, body.q);
        const strategy = body.search_mode === 'bm25' ? 'keyword' : body.search_mode;
        const snapshot = await flags.snapshot(rolloutIdentity(raw, caller));
        const useCases = body.use_neural && snapshot.neural_case_selector.on;
        const { retrieval, cache, generation } = await search.retrieve(
          q,
          {
            k: body.max_results,
            strategy,
            filters: toFilters(body.filters, body.canonical_in),
            maxPerDocument: body.max_per_document,
            rerank: body.rerank,
            merge: body.merge_neighbours,
            expand: body.expand,
            ...(useCases && { cases: { apiKeyId: caller.id } }),
            audience: { scope: caller.scope, flags: flagsOn(snapshot), access: caller.access },
          },
          signal,
        );
        const passages = retrieval.passages.filter(
          (passage) => body.min_score === undefined || passage.score >= body.min_score,
        );
        const asked = body.include_highlights ? analyzeQuestion(q) : undefined;
        const words = asked ? [...asked.words, ...asked.sounds.keys()] : [];
        const { vectorWeight, sounds: _sounds, ...analysis } = retrieval.analysis;
        const notes =
          body.use_neural && !useCases
            ? [
                ...analysis.notes,
                'use_neural: the flag neural_case_selector is off, so no cases were looked for.',
              ]
            : analysis.notes;
        return {
          status: 200,
          body: {
            hits: passages.map((passage) => ({
              ...toHit(passage),
              highlights: highlight(passage.text, words).map(([start, end]) => ({ start, end })),
            })),
            latency: (performance.now() - started) / 1000,
            request_id: requestId,
            total_candidates: retrieval.candidates,
            sources_count: new Set(passages.map((passage) => passage.documentId)).size,
            taxonomy_version: retrieval.taxonomyVersion,
            query_analysis: { ...analysis, notes, vector_weight: vectorWeight },
            mode: body.search_mode,
            cache,
            generation,
            ...(useCases && { cases: (retrieval.cases ?? []).map((match) => toCase(match, passages)) }),
          },
        };
      },
    }),
  ];
}

function noReranker(): AppError {
  const message = 'no reranker is set up: leave it out, or have RERANKER set to gemini or local';
  return new AppError('validation_failed', `/rerank: ${message}`, {
    errors: [{ pointer: '/rerank', message }],
  });
}

function toCase(match: CaseMatch, passages: readonly Passage[]) {
  const cited = passages.filter(({ chunkSeq }) => match.seqs.includes(chunkSeq));
  return {
    case_id: match.id,
    answer_id: match.answerId,
    question: match.question,
    answer: match.answer,
    confirmed_by: match.confirmedBy,
    score: match.score,
    chunk_ids: cited.map(({ chunkId }) => chunkId),
  };
}

function toHit(passage: Passage) {
  return {
    chunk_id: passage.chunkId,
    chunk_ids: passage.parts.map(({ chunkId }) => chunkId),
    document_id: passage.documentId,
    version: passage.version,
    score: passage.score,
    keyword_score: passage.keywordScore,
    vector_score: passage.vectorScore,
    rerank_score: passage.rerankScore,
    text: passage.text,
    char_range: [passage.start, passage.end],
    page: passage.page,
    heading: passage.heading,
    context: passage.context,
    source: {
      url: passage.sourceUrl,
      title: passage.title,
      date: passage.date,
      author: passage.author,
      content_type: passage.contentType,
      language: passage.language,
    },
    taxonomy_path: passage.taxonomyPath,
    metadata: passage.metadata,
  };
}
