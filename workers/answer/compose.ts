import type { DegradeCode } from '../../src/answer-result.ts';
import type { Passage, Retrieval } from '../../src/retrieval/passage.ts';
import type { Context } from '../context.ts';
import type { Budgets } from './budgets.ts';
import { citeDraft, citeModelText } from './cite.ts';
import type { Cited } from './cited.ts';
import type { Debated } from './debate.ts';
import { both, unverified } from './degrade.ts';
import { composeExtractive, type Draft } from './extractive.ts';
import { hasAddress } from './foreign-links.ts';
import type { Intent } from './intent.ts';
import type { ModelLedger } from './model-ledger.ts';
import type { Report } from './progress.ts';
import { saysNoAnswer } from './prompt.ts';
import type { Seeded } from './seed.ts';
import { degradedStep, runStep, type Step } from './steps.ts';
import { findSuspicions, type Suspect, suspectsLast } from './suspicion.ts';
import { type Written, writeAnswer } from './write-answer.ts';

/** For whom and within what an answer is composed. */
export interface Composing {
  /** Where calls of models are entered. */
  ledger: ModelLedger;
  budgets: Budgets;
  context: Context & Seeded;
  report: Report;
  /** What an assistant's operator wants beside the rules. */
  instructions?: string | null;
  /** What a debate over the same passages came to, where one was to be held. */
  debated?: Debated | null;
}

export interface Composed {
  /** null when the model says that the sources carry no answer. */
  cited: Cited | null;
  model: string;
  /** Why this is less than the model's own answer; null when it is not, or when there is no model. */
  degraded: string | null;
  degradedCodes: DegradeCode[];
  /** Sources that seem to speak to the model; they stood last. */
  suspects: Suspect[];
  generationMs: number;
  steps: [compose: Step, cite: Step];
}

const extractiveModel = 'extractive';

/**
 * The steps compose and cite. With a language model its text is held against the sources; when it fails, is too late or
 * nothing of it can be verified, and without one, the answer is taken from the sources word for word. Throws
 * `llm_rate_limited` with `retryAfter` where the answer had better wait for its model.
 */
export async function compose(
  question: string,
  intent: Intent,
  found: Retrieval,
  composing: Composing,
): Promise<Composed> {
  const { budgets, context, debated } = composing;
  const { llm, signal } = context;
  // Where no model reads, nobody can be spoken to.
  const { passages, suspects } = llm ? suspectsLast(found.passages) : { ...found, suspects: [] };
  const retrieval = { ...found, passages };
  if (!llm || passages.length === 0) return extract(question, intent, retrieval, suspects, composing, null);
  const written =
    debated?.written ??
    (await writeAnswer(
      llm,
      { question, intent, passages, suspects, cases: retrieval.cases ?? [] },
      composing,
    ));
  const { text } = written;
  if (text === null) return extract(question, intent, retrieval, suspects, composing, written);
  if (saysNoAnswer(text)) {
    const detail = 'The model found no answer in the sources.';
    written.draft.restart(detail);
    return finished(null, written, suspects, { name: 'cite', ms: 0, outcome: 'skipped', detail });
  }
  written.draft.end();
  const cited = await runStep('cite', budgets.of('cite'), signal, () =>
    citeModelText(text, passages, { language: intent.language, question, unsupported: intent.unsupported }),
  );
  if (cited.value && cited.value.sources.length > 0)
    return finished(cited.value, written, suspects, cited.step);
  return extract(question, intent, retrieval, suspects, composing, {
    ...written,
    degraded: both(unverified, written.degraded),
  });
}

function finished(cited: Cited | null, written: Written, suspects: Suspect[], citeStep: Step): Composed {
  const { model, degraded, step } = written;
  return {
    ...{ cited, model, suspects, generationMs: step.ms },
    degraded: degraded?.reason ?? null,
    degradedCodes: degraded?.codes ?? [],
    steps: [withSuspects(step, suspects), citeStep],
  };
}

async function extract(
  question: string,
  intent: Intent,
  retrieval: Retrieval,
  suspects: Suspect[],
  { budgets, context: { signal, log } }: Composing,
  failed: Written | null,
): Promise<Composed> {
  if (failed?.degraded) {
    log.warn({ model: failed.model, codes: failed.degraded.codes }, 'composing from the sources instead');
    failed.draft.restart(failed.degraded.reason);
  }
  // Not cut short by the deadline: it is what is left to fall back on, and takes milliseconds.
  const draft = await runStep('compose', budgets.of('compose'), signal, () =>
    composeExtractive(question, intent, retrieval.passages, retrieval.analysis),
  );
  if (!draft.value) throw draft.error;
  const value = withoutOrders(draft.value, retrieval.passages, suspects);
  const cited = await runStep('cite', budgets.of('cite'), signal, () => citeDraft(value, retrieval.passages));
  if (!cited.value) throw cited.error;
  const step = failed?.degraded
    ? degradedStep({ ...failed.step, ms: failed.step.ms + draft.step.ms }, failed.degraded.reason)
    : draft.step;
  return {
    ...{ cited: cited.value, model: extractiveModel, suspects },
    degraded: failed?.degraded?.reason ?? null,
    degradedCodes: failed?.degraded ? [...failed.degraded.codes, 'extractive'] : [],
    generationMs: step.ms,
    steps: [withSuspects(step, suspects), cited.step],
  };
}

/** Sentences in which a suspect speaks to the model, or points somewhere, are no answer either. */
function withoutOrders(draft: Draft, passages: readonly Passage[], suspects: readonly Suspect[]): Draft {
  const suspected = new Set(suspects.map(({ passage }) => passage));
  const honest = ({ passage: n, text }: Draft['sentences'][number]) => {
    const passage = passages[n];
    return !passage || !suspected.has(passage) || (findSuspicions(text).length === 0 && !hasAddress(text));
  };
  return { ...draft, sentences: draft.sentences.filter(honest) };
}

function withSuspects(step: Step, suspects: readonly Suspect[]): Step {
  if (suspects.length === 0) return step;
  const count = suspects.length === 1 ? '1 source that speaks' : `${suspects.length} sources that speak`;
  return {
    ...step,
    detail: [step.detail, `${count} to language models came last.`].filter(Boolean).join(' '),
  };
}
