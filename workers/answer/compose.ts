import { asAppError } from '../../src/errors.ts';
import type { Passage, Retrieval } from '../../src/retrieval/passage.ts';
import type { Context } from '../context.ts';
import type { LlmReply } from '../llm/llm.ts';
import { citeDraft, citeModelText } from './cite.ts';
import type { Cited } from './cited.ts';
import { composeExtractive } from './extractive.ts';
import type { Intent } from './intent.ts';
import { pickBoundary, saysNoAnswer, writePrompt } from './prompt.ts';
import { drawFrom, newSeed, type Seeded } from './seed.ts';
import { degradedStep, runStep, type Step, stepBudgets } from './steps.ts';

export interface Composed {
  /** null when the model says that the sources carry no answer. */
  cited: Cited | null;
  model: string;
  /** Why the model's answer was not used; null when it was, or when there is none. */
  degraded: string | null;
  usage: { input_tokens: number; output_tokens: number; llm_calls: number; cost_usd: number | null };
  generationMs: number;
  steps: [compose: Step, cite: Step];
}

const extractiveModel = 'extractive';
const noUsage = { input_tokens: 0, output_tokens: 0, llm_calls: 0, cost_usd: 0 };

/**
 * The steps compose and cite. With a language model its text is held against the sources; when it fails, is too late or
 * nothing of it can be verified, and without one, the answer is taken from the sources word for word.
 */
export async function compose(
  question: string,
  intent: Intent,
  retrieval: Retrieval,
  context: Context & Seeded,
): Promise<Composed> {
  const { passages } = retrieval;
  if (!context.llm || passages.length === 0)
    return extract(question, intent, retrieval, context.signal, null);
  const written = await callModel(question, intent, passages, context);
  if (!written.reply) return extract(question, intent, retrieval, context.signal, written);
  const { text } = written.reply;
  if (saysNoAnswer(text))
    return finished(null, context.llm.model, written, {
      name: 'cite',
      ms: 0,
      outcome: 'skipped',
      detail: 'The model found no answer in the sources.',
    });
  const cited = await runStep('cite', stepBudgets.cite, context.signal, () =>
    citeModelText(text, passages, { language: intent.language, question }),
  );
  if (cited.value && cited.value.sources.length > 0)
    return finished(cited.value, context.llm.model, written, cited.step);
  return extract(question, intent, retrieval, context.signal, {
    ...written,
    reason: "Nothing in the language model's answer could be verified.",
  });
}

interface Written {
  reply: LlmReply | null;
  step: Step;
  reason: string | null;
  ms: number;
}

async function callModel(
  question: string,
  intent: Intent,
  passages: Passage[],
  { llm, config, metrics, signal, log, draw = drawFrom(newSeed()) }: Context & Seeded,
): Promise<Written> {
  if (!llm) throw new Error('callModel needs a model');
  const boundary = pickBoundary(question, passages, draw);
  const { system, prompt } = writePrompt(question, intent, passages, { boundary });
  const end = metrics.llmSeconds.startTimer({ model: llm.model });
  const { value, step, error } = await runStep('compose', config.COMPOSE_BUDGET_MS, signal, (inner) =>
    llm.generate({
      system,
      prompt,
      maxOutputTokens: config.LLM_MAX_OUTPUT_TOKENS,
      temperature: 0,
      signal: inner,
    }),
  );
  end({ outcome: value ? 'ok' : step.outcome === 'timeout' ? 'timeout' : asAppError(error).code });
  if (value) {
    metrics.llmTokens.inc({ model: llm.model, kind: 'input' }, value.inputTokens);
    metrics.llmTokens.inc({ model: llm.model, kind: 'output' }, value.outputTokens);
    return { reply: value, step, reason: null, ms: step.ms };
  }
  const reason =
    step.outcome === 'timeout'
      ? `The language model took longer than ${config.COMPOSE_BUDGET_MS} ms.`
      : asAppError(error).message;
  log.warn(
    { model: llm.model, code: step.outcome === 'timeout' ? 'timeout' : asAppError(error).code },
    'composing from the sources instead',
  );
  return { reply: null, step, reason, ms: step.ms };
}

function finished(
  cited: Cited | null,
  model: string,
  { reply, step, ms }: Written,
  citeStep: Step,
): Composed {
  const usage = {
    input_tokens: reply?.inputTokens ?? 0,
    output_tokens: reply?.outputTokens ?? 0,
    llm_calls: 1,
    cost_usd: null,
  };
  return { cited, model, degraded: null, usage, generationMs: ms, steps: [step, citeStep] };
}

async function extract(
  question: string,
  intent: Intent,
  retrieval: Retrieval,
  signal: AbortSignal,
  failed: Written | null,
): Promise<Composed> {
  const draft = await runStep('compose', stepBudgets.compose, signal, () =>
    composeExtractive(question, intent, retrieval.passages, retrieval.analysis),
  );
  if (!draft.value) throw draft.error;
  const { value } = draft;
  const cited = await runStep('cite', stepBudgets.cite, signal, () => citeDraft(value, retrieval.passages));
  if (!cited.value) throw cited.error;
  const step = failed?.reason
    ? degradedStep({ ...draft.step, ms: draft.step.ms + failed.ms }, failed.reason)
    : draft.step;
  const usage = failed
    ? {
        input_tokens: failed.reply?.inputTokens ?? 0,
        output_tokens: failed.reply?.outputTokens ?? 0,
        llm_calls: 1,
        cost_usd: null,
      }
    : noUsage;
  return {
    cited: cited.value,
    model: extractiveModel,
    degraded: failed?.reason ?? null,
    usage,
    generationMs: step.ms,
    steps: [step, cited.step],
  };
}
