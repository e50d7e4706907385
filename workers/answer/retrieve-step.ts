import { flagsOn } from '../../src/flag-service.ts';
import { levelsOf, stateOf } from '../../src/learning/state.ts';
import { toFilters } from '../../src/retrieval/filters.ts';
import type { Retrieval } from '../../src/retrieval/passage.ts';
import type { SearchOptions } from '../../src/retrieval/search.ts';
import type { Context } from '../context.ts';
import type { Budgets } from './budgets.ts';
import { type Choosing, type Decided, decidedBy, decidedByNobody } from './chooser.ts';
import type { QuestionKind } from './intent.ts';
import type { AnswerRequest } from './run-steps.ts';
import { degradedStep, runStep, type Step } from './steps.ts';

export interface Found {
  retrieval: Retrieval;
  cache: 'hit' | 'miss' | 'off';
  step: Step;
  /** Why less was searched than asked for; null when all was. */
  degraded: string | null;
  /** null where the caller chose the strategy, or time ran out before it was decided. */
  decided: Decided | null;
}

/**
 * Retrieves within the step's budget. When that is spent, keyword search alone answers, however long it takes: an answer
 * without sources would be worth nothing. Errors that can pass reject, so that the question is tried again.
 */
export async function retrieveStep(
  { question, kind }: { question: string; kind: QuestionKind },
  request: AnswerRequest,
  { config, search, llm, signal, log, chooser, metrics }: Context & Choosing,
  budgets: Budgets,
  /** Whose question it is. */
  apiKeyId: string | null,
): Promise<Found> {
  // Without a language model composing takes milliseconds: its time is retrieval's to use.
  const searchMs = llm ? budgets.of('retrieve') : budgets.of('retrieve') + budgets.of('compose');
  // A reranker brings its own time, and gives up early enough for its order to be missed rather than the passages.
  const budgetMs = budgets.atMost(config.RERANKER === 'off' ? searchMs : searchMs + config.RERANK_BUDGET_MS);
  const options = { ...optionsOf(request, apiKeyId), withinMs: budgetMs };
  let decided: Decided | null = null;
  const decide: SearchOptions['decide'] = chooser
    ? (levels) => {
        decided = decidedBy(chooser, stateOf(question, kind, levels));
        const { action, explored } = decided;
        metrics.policyDecisions.inc({ policy: chooser.name, action, explored: String(explored) });
        return action;
      }
    : undefined;
  const { value, step, error } = await runStep('retrieve', budgetMs, signal, (inner) =>
    search.retrieve(question, { ...options, decide }, inner),
  );
  if (value) {
    if (!chooser && request.strategy === 'auto')
      decided = decidedByNobody(stateOf(question, kind, levelsOf(value.retrieval.evidence)));
    const retrieval = named(value.retrieval, decided);
    return { ...value, retrieval, step: withRerank(step, retrieval), degraded: null, decided };
  }
  if (step.outcome === 'error') throw error;
  const reason = `Retrieval took longer than ${budgetMs} ms: keyword search alone was used.`;
  log.warn({ strategy: options.strategy }, reason);
  const started = performance.now();
  const found = await search.retrieve(question, { ...options, strategy: 'keyword', rerank: false }, signal);
  const ms = step.ms + Math.round((performance.now() - started) * 10) / 10;
  return { ...found, step: degradedStep({ ...step, ms }, reason), degraded: reason, decided };
}

function optionsOf(request: AnswerRequest, apiKeyId: string | null): Omit<SearchOptions, 'withinMs'> {
  const filters = toFilters(request.filters, request.canonical_in);
  const strategy = request.strategy === 'auto' ? 'hybrid' : request.strategy;
  // A question from before scopes were kept with it may see what every key may.
  const { scope = 'read', flags = {}, access } = request;
  const audience = { scope, flags: flagsOn(flags), access };
  const { final_topk: k, merge_neighbours: merge = false, expand = 'none' } = request;
  const cases = flags.neural_case_selector?.on && apiKeyId !== null ? { apiKeyId } : undefined;
  return { k, strategy, filters, merge, expand, audience, cases };
}

/** By the strategy that was decided on. */
function named(retrieval: Retrieval, decided: Decided | null): Retrieval {
  return decided?.action.startsWith('keyword') ? { ...retrieval, strategy: 'keyword' } : retrieval;
}

/** Passages in the order without the reranker are an answer's worth, but less than was asked for. */
function withRerank(step: Step, { analysis: { rerank, notes } }: Retrieval): Step {
  if (!rerank || rerank.outcome === 'applied') return step;
  return degradedStep(step, notes.find((note) => note.includes(rerank.model)) ?? rerank.outcome);
}
