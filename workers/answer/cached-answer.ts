import type { AnswerResult } from '../../src/answer-result.ts';
import { answerKey, type CachedAnswer, entryOf, findCachedAnswer } from '../../src/db/answer-cache.ts';
import type { CacheEntry } from '../../src/db/query-cache.ts';
import { fingerprint } from '../../src/fingerprint.ts';
import { flagsOn } from '../../src/flag-service.ts';
import { analyzerVersion } from '../../src/retrieval/analyze.ts';
import { version } from '../../src/version.ts';
import type { Context } from '../context.ts';
import type { Choosing } from './chooser.ts';
import { promptVersion } from './prompt-version.ts';
import type { AnswerRequest } from './run-steps.ts';
import { answerSettings } from './settings.ts';
import { type Step, skippedStep, stepNames } from './steps.ts';

/** As the API stores it, with what the caller said of caches. */
export interface CacheableRequest extends AnswerRequest {
  /** `no-cache`: the answer is made anew; `no-store`: nor is it kept to be given again. */
  cache_control?: 'no-cache' | 'no-store';
}

export interface Asked {
  question: string;
  queuedMs: number;
  /** What a follow-up means depends on what was said before. */
  previous_answer_id?: string | null;
}

/** What is looked up and kept for one question; null where the cache is off for it. */
export interface AnswerCache {
  /** The answer as it is given now, with its experience and record. */
  find(): Promise<CachedAnswer | undefined>;
  /** What keeps an answer that is all that was asked for; nothing for others. */
  entryOf(answer: CachedAnswer): CacheEntry[];
}

/** Of the request, what changes nothing of the answer; flags are told apart by which are on. Any other field does, also one that is added later. */
const changesNothing = ['flags', 'rollout_id', 'cache_control', 'priority', 'webhook'];

export function answerCache(
  asked: Asked,
  request: CacheableRequest,
  { config, db, llm, metrics, chooser }: Context & Choosing,
): AnswerCache | null {
  const ttl = config.ANSWER_CACHE_TTL_SECONDS;
  if (ttl === 0 || request.cache_control === 'no-store') return null;
  const policy = chooser ? { name: chooser.name, version: chooser.version } : null;
  const key = cacheKey(asked, request, {
    ...{ settings: answerSettings(config), model: llm?.model ?? null, policy },
  });
  return {
    find: async () => {
      if (request.cache_control === 'no-cache') return undefined;
      const started = performance.now();
      const found = await findCachedAnswer(db, key, ttl);
      metrics.cacheLookups.inc({ cache: 'answers', outcome: found ? 'hit' : 'miss' });
      return found && { ...found, result: given(found.result, asked.queuedMs, started) };
    },
    entryOf: (answer) => {
      // Cases are archived and deleted without a word to this cache.
      const lasting = (answer.result.retrieval.cases ?? []).length === 0;
      return lasting && isWhole(answer.result) ? entryOf(key, answer) : [];
    },
  };
}

/** Everything an answer depends on beside corpus, generation and taxonomy, which stand with the entry. */
export function cacheKey(
  { question, previous_answer_id = null }: Pick<Asked, 'question' | 'previous_answer_id'>,
  request: CacheableRequest,
  made: {
    settings: Record<string, unknown>;
    model: string | null;
    /** What decides its retrieval; an answer that is given again repeats what was decided for it. */
    policy: { name: string; version: number | null } | null;
  },
): string {
  const told = Object.fromEntries(Object.entries(request).filter(([name]) => !changesNothing.includes(name)));
  const hash = fingerprint({
    question: sameQuestion(question),
    previous_answer_id,
    request: told,
    flags: flagsOn(request.flags ?? {}).sort(),
    ...made,
    versions: [promptVersion(), analyzerVersion, version],
  });
  return answerKey(request.mode, hash);
}

/**
 * Questions that differ in white space, in how their characters are composed or in a question mark at their end are one.
 * Nothing else is: case tells names apart, and nearness of meaning does not tell 2023 from 2024.
 */
export function sameQuestion(question: string): string {
  return question
    .normalize('NFC')
    .replace(/\s+/gu, ' ')
    .replace(/[\s?？]+$/u, '')
    .trim();
}

/**
 * Made with all that was to be had: neither out of time nor without something that failed. What a tool said holds for the moment
 * that it was asked.
 */
export function isWhole({
  degraded,
  steps,
  tools = [],
}: Pick<AnswerResult, 'degraded' | 'steps' | 'tools'>): boolean {
  if (tools.length > 0) return false;
  return degraded === null && steps.every(({ outcome }) => outcome === 'ok' || outcome === 'skipped');
}

export function skippedSteps(): Step[] {
  return stepNames.map((name) => skippedStep(name, 'The answer came from the cache.'));
}

/** The answer as the cache gives it: what it took to be made was paid for then. */
function given(result: AnswerResult, queuedMs: number, started: number): AnswerResult {
  return {
    ...result,
    steps: skippedSteps(),
    model_calls: [],
    usage: {
      ...{ input_tokens: 0, output_tokens: 0, llm_calls: 0, cost_usd: 0 },
      ...{ cache: 'hit', answer_cache: 'hit' },
    },
    search_time: 0,
    generation_time: 0,
    total_time: (performance.now() - started + queuedMs) / 1000,
    queued_ms: queuedMs,
  };
}
