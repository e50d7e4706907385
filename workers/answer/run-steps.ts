import type { Access } from '../../src/access.ts';
import type { AnswerResult } from '../../src/answer-result.ts';
import type { AskedAssistant } from '../../src/assistants.ts';
import type { CaseMatch } from '../../src/cases.ts';
import type { ClaimedAnswer } from '../../src/db/answers.ts';
import type { Scope } from '../../src/db/api-keys.ts';
import { callsOfAnswer, type ModelCall } from '../../src/db/model-calls.ts';
import type { FlagSnapshot } from '../../src/flag-service.ts';
import type { Expand, Passage, Retrieval } from '../../src/retrieval/passage.ts';
import type { Context } from '../context.ts';
import { abstentionText } from './abstention-text.ts';
import { planBudgets } from './budgets.ts';
import type { Choosing, Decided } from './chooser.ts';
import type { CitedSource } from './cited.ts';
import { compose } from './compose.ts';
import { debateStep } from './debate.ts';
import type { Run } from './experience.ts';
import { type Mode, readIntent } from './intent.ts';
import { ledgerOf } from './model-ledger.ts';
import { offeredTools } from './offered-tools.ts';
import { type Plan, planStep } from './plan.ts';
import type { Report } from './progress.ts';
import { retrieveStep } from './retrieve-step.ts';
import type { Seeded } from './seed.ts';
import { runStep, type Step } from './steps.ts';
import { composeFromTool, judgeSources } from './tool-answer.ts';
import { type ToolsUsed, toolsStep } from './tools-step.ts';
import type { UnsupportedPolicy } from './unsupported.ts';

/** What the API stored with the question. */
export interface AnswerRequest {
  mode: Mode;
  final_topk: number;
  strategy: 'auto' | 'keyword' | 'vector' | 'hybrid';
  filters?: {
    canonical_in?: string[][];
    document_ids?: string[];
    collections?: string[];
    metadata?: Record<string, unknown>;
  };
  canonical_in?: string[][];
  merge_neighbours?: boolean;
  expand?: Expand;
  /** Confidence from which an answer is given; `ABSTAIN_BELOW` where it is left out. */
  abstain_below?: number;
  /** What becomes of a model's sentences that no source carries; `UNSUPPORTED_SENTENCES` where it is left out. */
  unsupported_sentences?: UnsupportedPolicy;
  /** Of the key that asked, as they were then. */
  flags?: Partial<FlagSnapshot>;
  /** Whom the question was for; its scope and strategy are in the fields above. */
  assistant?: AskedAssistant;
  scope?: Scope;
  access?: Access;
}

/** The seven steps of an answer: intent, retrieve, plan, tools and debate, compose, cite, respond. */
export async function runSteps(
  answer: ClaimedAnswer,
  context: Context & Seeded & Choosing,
  report: Report,
): Promise<Run> {
  const started = performance.now();
  const request = answer.request as unknown as AnswerRequest;
  const budgets = planBudgets(context.config, answer.msLeft, undefined, moreMs(request, context));
  const ledger = ledgerOf(answer, context);
  const steps: Step[] = [];
  const ended = (...done: Step[]) => {
    steps.push(...done);
    for (const step of done) report({ type: 'step', data: step });
  };

  const unsupported = request.unsupported_sentences ?? context.config.UNSUPPORTED_SENTENCES;
  const intent = await runStep('intent', budgets.of('intent'), context.signal, () =>
    readIntent(answer.question, request.mode, unsupported),
  );
  ended(intent.step);
  const read = intent.value ?? readIntent(answer.question, request.mode, unsupported);
  const { language } = read;

  const asked = { question: answer.question, kind: read.kind };
  const found = await retrieveStep(asked, request, context, budgets, answer.api_key_id);
  ended(found.step);
  const offered = request.flags?.meta_planner?.on ? await offeredTools(request, context, budgets) : [];
  const { plan, retrieval, step } = await planStep(answer.question, {
    ...{ request, found: found.retrieval, budgets, context, ledger, tools: offered },
  });
  ended(step);
  const callers = { answer, question: answer.question, intent: read, request };
  const tools = await toolsStep(plan, callers, context, budgets);

  report({ type: 'passages', data: { documentIds: retrieval.passages.map(({ documentId }) => documentId) } });
  const instructions = request.assistant?.instructions ?? null;
  const composing = { ledger, budgets, context, report, instructions };
  const material = withTools(retrieval, tools);
  const [said] = tools.passages;
  const direct = tools.direct ? said : undefined;
  const debated = direct ? null : await debateStep(answer.question, read, material, request, composing);
  ended(debated ? bothSteps(tools.step, debated.step) : tools.step);
  const composed = direct
    ? composeFromTool(direct)
    : await compose(answer.question, read, material, { ...composing, debated });
  ended(...composed.steps);

  const respondStarted = performance.now();
  const verdict = judgeSources({
    ...{ language, retrieval, cited: composed.cited },
    threshold: request.abstain_below ?? context.config.ABSTAIN_BELOW,
  });
  const abstain = composed.cited === null || composed.cited.sources.length === 0 || verdict.abstain;
  const sources = abstain || !composed.cited ? [] : composed.cited.sources;
  ended({
    name: 'respond',
    ms: Math.round((performance.now() - respondStarted) * 10) / 10,
    outcome: 'ok',
  });
  for (const { name, ms, outcome } of steps)
    context.metrics.stepSeconds.observe({ step: name, outcome }, ms / 1000);

  // Deliveries before this one may have asked a model too.
  const calls = answer.attempts > 1 ? await callsOfAnswer(context.db, answer.id) : [...ledger.calls];
  const result: AnswerResult = {
    answer: abstain || !composed.cited ? abstentionText(language) : composed.cited.answer,
    abstained: abstain,
    language,
    model: composed.model,
    degraded: composed.degraded ?? found.degraded,
    degraded_codes: [...(found.degraded ? (['retrieval_timeout'] as const) : []), ...composed.degradedCodes],
    sources: sources.map(toSource),
    source_count: sources.length,
    confidence: verdict.confidence,
    confidence_reasons: verdict.reasons,
    unsupported_spans: abstain || !composed.cited ? [] : composed.cited.unsupportedSpans,
    conflicts: abstain ? [] : verdict.conflicts,
    retrieval: {
      strategy: retrieval.strategy,
      ...policyOf(found.decided),
      candidates: retrieval.candidates,
      taxonomy_version: retrieval.taxonomyVersion,
      corpus_version: retrieval.corpusVersion,
      ...(retrieval.cases && { cases: retrieval.cases.map(toUsedCase) }),
      suspicious: composed.suspects
        .filter(({ passage }) => !passage.tool)
        .map(({ passage: { chunkId }, suspicions }) => ({ chunk_id: chunkId, suspicions })),
    },
    ...(plan && { plan: toShown(plan) }),
    ...(debated && { debate: debated.report }),
    ...(tools.calls && { tools: tools.calls }),
    steps,
    usage: { ...usageOf(calls), cache: found.cache },
    model_calls: calls,
    search_time: found.step.ms / 1000,
    generation_time: (composed.generationMs + (debated?.step.ms ?? 0)) / 1000,
    total_time: (performance.now() - started + answer.queuedMs) / 1000,
    queued_ms: answer.queuedMs,
  };
  return {
    result,
    decided: direct ? null : found.decided,
    passages: retrieval.passages,
    citationCoverage: composed.cited?.citationCoverage ?? 0,
  };
}

function toUsedCase({ id, answerId, question, confirmedBy, score }: CaseMatch) {
  return { case_id: id, answer_id: answerId, question, confirmed_by: confirmedBy, score };
}

/** What flags add to the time that an answer takes at most, milliseconds. */
function moreMs({ flags }: AnswerRequest, { config, llm }: Context): number {
  if (!llm) return 0;
  const planMs = flags?.meta_planner?.on ? config.PLAN_MODEL_BUDGET_MS : 0;
  return planMs + (flags?.debate_mode?.on ? config.DEBATE_BUDGET_MS : 0);
}

function toShown({ subQuestions, ...plan }: Plan): NonNullable<AnswerResult['plan']> {
  return { ...plan, sub_questions: subQuestions };
}

/** One of what tools and debate did, where both have the time of one step. */
function bothSteps(tools: Step, debate: Step): Step {
  if (tools.outcome === 'skipped') return debate;
  const detail = [tools.detail, debate.detail].filter(Boolean).join(' ');
  const outcome = debate.outcome === 'ok' || debate.outcome === 'skipped' ? tools.outcome : debate.outcome;
  return { ...debate, ms: tools.ms + debate.ms, outcome, detail };
}

/** What tools said comes first: it was asked for. */
function withTools(retrieval: Retrieval, { passages }: ToolsUsed): Retrieval {
  return passages.length === 0 ? retrieval : { ...retrieval, passages: [...passages, ...retrieval.passages] };
}

/** The cost is null as soon as that of one call is not known. */
function usageOf(calls: readonly ModelCall[]) {
  const sum = (of: (call: ModelCall) => number) => calls.reduce((total, call) => total + of(call), 0);
  const known = calls.every(({ cost_usd }) => cost_usd !== null);
  return {
    input_tokens: sum((call) => call.input_tokens),
    output_tokens: sum((call) => call.output_tokens),
    llm_calls: calls.length,
    cost_usd: known ? sum((call) => call.cost_usd ?? 0) : null,
  };
}

/** Where no policy was asked, what is always done was done for certain. */
function policyOf(decided: Decided | null) {
  if (!decided?.policy) return { policy_version: null, propensity: 1, explored: false };
  const { state, action, propensity, explored, policy } = decided;
  const { name, version: policy_version } = policy;
  return { policy_version, propensity, explored, policy: { name, state, action } };
}

function toSource({
  n,
  passage,
  quote,
  charRange,
  page,
  answerSpans,
  verified,
  support,
}: CitedSource): AnswerResult['sources'][number] {
  return {
    n,
    ...placeOf(passage),
    title: passage.title,
    source_url: passage.sourceUrl,
    date: passage.date,
    taxonomy_path: passage.taxonomyPath,
    hybrid_score: passage.score,
    text: passage.text,
    quote,
    char_range: charRange,
    page,
    answer_spans: answerSpans,
    verified,
    support,
  };
}

function placeOf({ chunkId, documentId, tool, version }: Passage) {
  if (!tool) return { document_id: documentId, version, chunk_id: chunkId };
  const { argumentsHash, calledAt, name, server } = tool;
  const called = { name, server, arguments_hash: argumentsHash, called_at: calledAt.toISOString() };
  return { kind: 'tool' as const, document_id: null, version: null, chunk_id: null, tool: called };
}
