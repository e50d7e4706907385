import type { AnswerResult } from '../../src/answer-result.ts';
import type { NewRecord, RawOutput, RecordedPassage } from '../../src/db/answer-records.ts';
import { fingerprint, sha256 } from '../../src/fingerprint.ts';
import { analyzerVersion } from '../../src/retrieval/analyze.ts';
import type { Passage } from '../../src/retrieval/passage.ts';
import type { Search, SearchResult } from '../../src/retrieval/search.ts';
import { maskText } from '../../src/text/pii/mask.ts';
import { version } from '../../src/version.ts';
import type { Context } from '../context.ts';
import type { Llm } from '../llm/llm.ts';
import type { Choosing } from './chooser.ts';
import { promptVersion } from './prompt-version.ts';
import { drawFrom, type Seeded } from './seed.ts';
import { answerSettings } from './settings.ts';

export interface Recorder {
  /** The same tools, watched: what is searched and asked through them is noted. */
  context: Context & Seeded & Choosing;
  /** What the answer was made of, once it is there. */
  record(run: { result: AnswerResult; passages: readonly Passage[] }): NewRecord;
}

interface Noted {
  found?: SearchResult;
  prompt: string | null;
  raw: RawOutput[];
}

/** Watches one run. `fresh`: its searches neither read the cache nor fill it. */
export function createRecorder(
  context: Context & Choosing,
  { seed, fresh = false }: { seed: string; fresh?: boolean },
): Recorder {
  const noted: Noted = { prompt: null, raw: [] };
  const search = watchSearch(context.search, noted, fresh);
  const llm = context.llm && watchLlm(context.llm, noted, context.config.PII_POLICY !== 'off');
  return {
    context: { ...context, search, llm, draw: drawFrom(seed) },
    record: ({ result: { retrieval }, passages }) => ({
      corpus_version: retrieval.corpus_version,
      taxonomy_version: retrieval.taxonomy_version,
      generation_id: noted.found?.generation?.id ?? null,
      embedding_model: noted.found?.generation?.model ?? null,
      analyzer_version: analyzerVersion,
      policy_version: retrieval.policy_version,
      prompt_version: promptVersion(),
      prompt_hash: noted.prompt,
      service_version: version,
      strategy: retrieval.strategy,
      seed,
      settings: answerSettings(context.config),
      passages: passages.map(toRecorded),
      cached_from: null,
      raw: noted.raw,
      rawHours: context.config.RAW_OUTPUT_HOURS,
    }),
  };
}

function watchSearch(search: Search, noted: Noted, fresh: boolean): Search {
  return {
    retrieve: async (question, options, signal) => {
      const found = await search.retrieve(question, fresh ? { ...options, fresh } : options, signal);
      // One that is over its budget may end after the one that took its place.
      if (!signal?.aborted) noted.found = found;
      return found;
    },
  };
}

function watchLlm(llm: Llm, noted: Noted, masks: boolean): Llm {
  return {
    ...llm,
    ...(llm.fallback && { fallback: watchLlm(llm.fallback, noted, masks) }),
    generate: async (request) => {
      noted.prompt = fingerprint([request.system, request.prompt]);
      const reply = await llm.generate(request);
      noted.raw.push({
        model: llm.model,
        text: masks ? maskText(reply.text).text : reply.text,
        finish_reason: reply.finishReason,
        input_tokens: reply.inputTokens,
        output_tokens: reply.outputTokens,
      });
      return reply;
    },
  };
}

function toRecorded(passage: Passage): RecordedPassage {
  return {
    chunk_id: passage.chunkId,
    chunk_ids: passage.parts.map(({ chunkId }) => chunkId),
    document_id: passage.documentId,
    version: passage.version,
    text_hash: sha256(passage.text),
    score: passage.score,
    keyword_score: passage.keywordScore,
    vector_score: passage.vectorScore,
    rerank_score: passage.rerankScore,
  };
}
