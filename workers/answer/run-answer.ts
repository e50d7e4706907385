import type { ReplayRequest } from '../../src/answer-replay.ts';
import type { AnswerResult } from '../../src/answer-result.ts';
import { caseOf, type NewCase } from '../../src/cases.ts';
import type { NewRecord } from '../../src/db/answer-records.ts';
import type { ClaimedAnswer } from '../../src/db/answers.ts';
import type { NewExperience } from '../../src/db/experiences.ts';
import { type CacheEntry, writeCache } from '../../src/db/query-cache.ts';
import type { Search } from '../../src/retrieval/search.ts';
import type { Context } from '../context.ts';
import { type AnswerCache, answerCache, type CacheableRequest, skippedSteps } from './cached-answer.ts';
import { type Choosing, openChooser } from './chooser.ts';
import { describeExperience } from './experience.ts';
import type { Report } from './progress.ts';
import { createRecorder } from './record.ts';
import { runReplay } from './run-replay.ts';
import { runSteps } from './run-steps.ts';
import { newSeed } from './seed.ts';

/** What there is to be stored of a finished answer. */
export interface Finished {
  result: AnswerResult;
  /** null: nothing is learned from it. */
  experience: NewExperience | null;
  /** null: it repeats what another record says. */
  record: NewRecord | null;
  /** What it makes for the case bank; null where nothing confirms it, or the bank is off. */
  fresh?: NewCase | null;
}

interface StoredRequest extends CacheableRequest {
  replay?: ReplayRequest;
}

/** An answer from the cache, as a replay, or through the seven steps. */
export async function runAnswer(answer: ClaimedAnswer, context: Context, report: Report): Promise<Finished> {
  const request = answer.request as unknown as StoredRequest;
  if (request.replay) return runReplay(answer, request.replay, context, report);
  const choosing = { ...context, chooser: await openChooser(request, context) };
  const cache = answerCache(answer, request, choosing);
  return (await fromCache(answer, cache, report)) ?? make(answer, request, cache, choosing, report);
}

/**
 * What is learned from an answer is what its retrieval was worth to its question. One that is given again is worth the same
 * once more, with the propensity that its strategy was chosen with: left out, questions that are often asked would count
 * for as little as those asked once.
 */
async function fromCache(
  answer: ClaimedAnswer,
  cache: AnswerCache | null,
  report: Report,
): Promise<Finished | undefined> {
  const found = await cache?.find();
  if (!found) return undefined;
  const { result, experience, record, answer_id } = found;
  for (const step of skippedSteps()) report({ type: 'step', data: step });
  return {
    result,
    experience: experience && { ...experience, answerId: answer.id },
    record: { ...record, cached_from: answer_id, raw: [], rawHours: 0 },
  };
}

async function make(
  answer: ClaimedAnswer,
  { cache_control }: StoredRequest,
  cache: AnswerCache | null,
  context: Context & Choosing,
  report: Report,
): Promise<Finished> {
  const recorder = createRecorder(context, { seed: newSeed() });
  const entries: CacheEntry[] = [];
  const search = keeping(recorder.context.search, entries);
  const run = await runSteps(answer, { ...recorder.context, search }, report).catch(async (error) => {
    // The next try finds what this one has searched for.
    await writeCache(context.db, entries);
    throw error;
  });
  const looked = cache && cache_control === undefined ? 'miss' : 'off';
  const result = { ...run.result, usage: { ...run.result.usage, answer_cache: looked } } as const;
  const experience = describeExperience(answer, { ...run, result });
  const { raw, rawHours, ...record } = recorder.record({ ...run, result });
  entries.push(...(cache?.entryOf({ answer_id: answer.id, result, experience, record }) ?? []));
  await writeCache(context.db, entries);
  const fresh = confirmedCase(answer, result, context);
  return { result, experience, record: { ...record, raw, rawHours }, fresh };
}

/** The same search, but what it would keep in the cache is put there, to be written with the answer in one statement. */
function keeping(search: Search, entries: CacheEntry[]): Search {
  const keep = (found: readonly CacheEntry[]) => void entries.push(...found);
  return { retrieve: (question, options, signal) => search.retrieve(question, { ...options, keep }, signal) };
}

/** An answer that is sure and wholly carried by its sources needs nobody to confirm it. */
function confirmedCase(answer: ClaimedAnswer, result: AnswerResult, { config }: Context): NewCase | null {
  const { flags } = answer.request as unknown as StoredRequest;
  const carried = result.degraded === null && (result.unsupported_spans ?? []).length === 0;
  if (!flags?.neural_case_selector?.on || !carried || result.confidence < config.CASE_CONFIDENCE) return null;
  return caseOf(answer, result, 'support');
}

/** Replays are counted apart: they are no answers to anybody's question. */
export function countFinished(
  { metrics }: Pick<Context, 'metrics'>,
  answer: ClaimedAnswer,
  result: AnswerResult,
): void {
  const { replay } = answer.request as unknown as StoredRequest;
  if (!replay) {
    const { strategy } = result.retrieval;
    const outcome = result.abstained ? 'abstained' : 'answered';
    metrics.answers.inc({ outcome, strategy, model: result.model });
    return;
  }
  metrics.replays.inc({ mode: replay.mode, outcome: result.diff?.identical ? 'identical' : 'different' });
  if (replay.mode === 'recorded') return;
  const { model, usage } = result;
  metrics.replayTokens.inc({ model, kind: 'input' }, usage.input_tokens);
  metrics.replayTokens.inc({ model, kind: 'output' }, usage.output_tokens);
}
