import type { CaseMatch } from '../../src/cases.ts';
import type { Passage } from '../../src/retrieval/passage.ts';
import type { Llm, LlmFault, LlmReply } from '../llm/llm.ts';
import { askModels } from './ask-models.ts';
import { leastForModelMs } from './budgets.ts';
import type { Composing } from './compose.ts';
import { withoutMarks } from './datamark.ts';
import { both, type Degraded, unverified } from './degrade.ts';
import { type Draft, startDraft } from './draft.ts';
import { withoutForeignLinks } from './foreign-links.ts';
import type { Intent } from './intent.ts';
import { markOf, pickBoundary, writePrompt } from './prompt.ts';
import { drawFrom, newSeed } from './seed.ts';
import { degradedStep, type Step } from './steps.ts';
import type { Suspect } from './suspicion.ts';

export interface Written {
  /** null: no model gave one. Cut at its limit, it ends with its last whole sentence. */
  text: string | null;
  model: string;
  degraded: Degraded | null;
  step: Step;
  draft: Draft;
}

export interface ToWrite {
  question: string;
  intent: Intent;
  /** As they are numbered. */
  passages: Passage[];
  suspects: Suspect[];
  cases: CaseMatch[];
}

/**
 * Has the model write the answer, within the step's budget and the answer's deadline. Throws `llm_rate_limited` with
 * `retryAfter` where the answer had better wait for the model and its deadline allows it.
 */
export async function writeAnswer(llm: Llm, to: ToWrite, composing: Composing): Promise<Written> {
  const { context, instructions = null, ledger, report } = composing;
  const { config, draw = drawFrom(newSeed()), signal } = context;
  const { passages } = to;
  const suspects = new Set(to.suspects.map(({ passage }) => passage));
  const boundary = pickBoundary(to.question, passages, draw);
  const [mark, trusted] = [markOf(boundary), passages.filter((passage) => !suspects.has(passage))];
  const draft = startDraft(report, trusted, mark);
  const { budgetMs, cutShort, short } = timeOf(composing);
  const started = performance.now();
  const ended = (text: string | null, model: string, degraded: Degraded | null): Written => {
    const ms = Math.round((performance.now() - started) * 10) / 10;
    const step: Step = { name: 'compose', ms, outcome: 'ok', budget_ms: budgetMs };
    const shown = degraded ? degradedStep(step, degraded.reason) : step;
    return { text, model, degraded, step: shown, draft };
  };
  if (cutShort && budgetMs < leastForModelMs) return ended(null, llm.model, short);
  const prompt = writePrompt(to.question, to.intent, passages, {
    ...{ boundary, suspects, instructions },
    cases: to.cases,
  });
  const asked = await askModels(llm, prompt, {
    ...{ ledger, budgetMs, cutShort, signal },
    maxOutputTokens: config.LLM_MAX_OUTPUT_TOKENS,
    onText: draft.write,
    onRestart: draft.restart,
  });
  const { reply, fault } = asked;
  if (!reply) {
    if (fault && mayWait(fault, composing)) throw fault;
    return ended(null, llm.model, asked.degraded);
  }
  const { text, degraded } = readReply(reply, mark, trusted);
  // With nothing left to be read the earlier reason is the lesser one.
  const reasons =
    text === null && degraded === unverified ? [degraded, asked.degraded] : [asked.degraded, degraded];
  return ended(text, asked.model, both(reasons[0] ?? null, reasons[1] ?? null));
}

/** The model's text as it may be held against the sources: null where nothing of it is left. */
export function readReply(
  { text: written, finishReason }: LlmReply,
  mark: string,
  trusted: readonly Passage[],
): { text: string | null; degraded: Degraded | null } {
  const clean = withoutForeignLinks(withoutMarks(written, mark), trusted);
  if (clean.trim() === '') return { text: null, degraded: unverified };
  return finishReason === 'stop' ? { text: clean, degraded: null } : cutBack(clean);
}

/** What the model has, milliseconds: after a debate, of what that had no more than it left. */
function timeOf({ budgets, debated }: Composing) {
  const { ms, cutShort } = budgets.ofModel();
  const leftMs = debated?.held ? Math.floor(debated.leftMs()) : Number.POSITIVE_INFINITY;
  return leftMs < ms
    ? { budgetMs: Math.max(1, leftMs), cutShort: true, short: noTimeLeft }
    : { budgetMs: ms, cutShort, short: noTime };
}

const noTime: Degraded = {
  reason: 'The deadline left no time to ask the language model.',
  codes: ['deadline_too_short'],
};
const noTimeLeft: Degraded = {
  reason: 'The debate left no time to ask the language model once more.',
  codes: ['llm_timeout'],
};
/** Time that is lost between a job's being put off and its next run, milliseconds. */
const returnMs = 1000;

/** Whether the model's own time to come back leaves time for a whole answer afterwards. */
function mayWait({ code, retryAfter }: LlmFault, { budgets, context, debated }: Composing): boolean {
  // What the debate has cost would be spent again.
  if (debated?.held) return false;
  if (code !== 'llm_rate_limited' || retryAfter === undefined) return false;
  if (retryAfter > context.config.LLM_PATIENCE_SECONDS) return false;
  return budgets.leftMs() - retryAfter * 1000 - returnMs >= budgets.wholeMs;
}

/** The text up to its last sentence or line that ended; null where none did. */
function cutBack(text: string): { text: string | null; degraded: Degraded } {
  const ends = [...text.matchAll(/[.!?。！？…]["'”’)\]]*(?:\s*\[[\d,\s]+\])*(?=\s|$)|\n/gu)];
  const last = ends.at(-1);
  const whole = last ? text.slice(0, last.index + last[0].length).trim() : '';
  const reason = whole ? 'at its greatest length' : 'before its first sentence ended';
  return {
    text: whole || null,
    degraded: { reason: `The language model's answer was cut ${reason}.`, codes: ['llm_cut'] },
  };
}
