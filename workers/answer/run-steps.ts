import type { Access } from '../../src/access.ts';
import type { AnswerResult } from '../../src/answer-result.ts';
import type { AskedAssistant } from '../../src/assistants.ts';
import type { ClaimedAnswer } from '../../src/db/answers.ts';
import type { Scope } from '../../src/db/api-keys.ts';
import { callsOfAnswer, type ModelCall } from '../../src/db/model-calls.ts';
import type { FlagSnapshot } from '../../src/flag-service.ts';
import type { Expand } from '../../src/retrieval/passage.ts';
import type { Context } from '../context.ts';
import { abstentionText } from './abstention-text.ts';
import { planBudgets } from './budgets.ts';
import type { CitedSource } from './cited.ts';
import { compose } from './compose.ts';
import { judge } from './confidence.ts';
import type { Run } from './experience.ts';
import { type Mode, readIntent } from './intent.ts';
import type { Report } from './progress.ts';
import { retrieveStep } from './retrieve-step.ts';
import type { Seeded } from './seed.ts';
import { runStep, type Step, skippedStep } from './steps.ts';
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
  context: Context & Seeded,
  report: Report,
): Promise<Run> {
  const started = performance.now();
  const request = answer.request as unknown as AnswerRequest;
  const budgets = planBudgets(context.config, answer.msLeft);
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

  const found = await retrieveStep(answer.question, request, context, budgets);
  ended(
    found.step,
    skippedStep('plan', 'No planner is on.'),
    skippedStep('tools_debate', 'Neither tools nor debate are on.'),
  );

  const { retrieval } = found;
  report({ type: 'passages', data: { documentIds: retrieval.passages.map(({ documentId }) => documentId) } });
  const composed = await compose(answer.question, read, retrieval, {
    ...{ answer, budgets, context, report },
    instructions: request.assistant?.instructions ?? null,
  });
  ended(...composed.steps);

  const respondStarted = performance.now();
  const verdict = judge({
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
  const calls = answer.attempts > 1 ? await callsOfAnswer(context.db, answer.id) : [...composed.calls];
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
      policy_version: null,
      propensity: 1,
      explored: false,
      candidates: retrieval.candidates,
      taxonomy_version: retrieval.taxonomyVersion,
      corpus_version: retrieval.corpusVersion,
      suspicious: composed.suspects.map(({ passage: { chunkId }, suspicions }) => ({
        chunk_id: chunkId,
        suspicions,
      })),
    },
    steps,
    usage: { ...usageOf(calls), cache: found.cache },
    model_calls: calls,
    search_time: found.step.ms / 1000,
    generation_time: composed.generationMs / 1000,
    total_time: (performance.now() - started + answer.queuedMs) / 1000,
    queued_ms: answer.queuedMs,
  };
  const state = {
    language,
    mode: request.mode,
    kind: read.kind,
    answer_type: read.answerType,
    keyword: level(retrieval.evidence.keyword),
    vector: level(retrieval.evidence.vector),
  };
  return {
    result,
    state,
    action: retrieval.strategy,
    citationCoverage: composed.cited?.citationCoverage ?? 0,
  };
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

/** Evidence in three levels: states have to recur to be learned from. */
function level(evidence: number | null): string {
  if (evidence === null) return 'none';
  return evidence < 0.3 ? 'low' : evidence < 0.6 ? 'medium' : 'high';
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
    document_id: passage.documentId,
    version: passage.version,
    chunk_id: passage.chunkId,
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
