import type { AnswerResult } from '../../src/answer-result.ts';
import type { Passage, Retrieval } from '../../src/retrieval/passage.ts';
import type { Llm } from '../llm/llm.ts';
import type { Composing } from './compose.ts';
import { whyNoDebate } from './debate-conditions.ts';
import { type Argued, argue } from './debate-rounds.ts';
import { startDraft } from './draft.ts';
import type { Intent } from './intent.ts';
import { markOf, pickBoundary } from './prompt.ts';
import type { AnswerRequest } from './run-steps.ts';
import { drawFrom, newSeed } from './seed.ts';
import { degradedStep, type Step, skippedStep } from './steps.ts';
import { suspectsLast } from './suspicion.ts';
import { readReply, type Written } from './write-answer.ts';

export type DebateReport = NonNullable<AnswerResult['debate']>;

export interface Debated {
  report: DebateReport;
  /** The synthesis, to be cited and verified like any answer; null: a single answer takes its place. */
  written: Written | null;
  /** Whether it was held at all. */
  held: boolean;
  /** What is left of the time that it and a single answer in its place have, milliseconds. */
  leftMs(): number;
  step: Step;
}

/**
 * Two agents argue over the passages, the one for the best answer, the other against it: two rounds, in each both at the same
 * time, then the answer is written from the sources and what they noted. Whatever fails of it (time, model, limit, budget)
 * ends it, and the answer is asked for as always. null where it is off. Rejects with the signal's reason when that fires.
 */
export async function debateStep(
  question: string,
  intent: Intent,
  { passages: found }: Retrieval,
  request: AnswerRequest,
  composing: Composing,
): Promise<Debated | null> {
  if (request.flags?.debate_mode?.on !== true) return null;
  const { budgets, context } = composing;
  const { llm, config, metrics } = context;
  const budgetMs = budgets.atMost(config.DEBATE_BUDGET_MS);
  const why = await whyNoDebate(question, found, { budgetMs, composing });
  if (why || !llm) return skipped(why ?? { reason: 'There is no language model.', lesser: false }, metrics);
  const end = performance.now() + budgetMs;
  const debated = await hold(llm, { question, intent, found }, { budgetMs, end, composing });
  metrics.debates.inc({ outcome: debated.report.outcome });
  return debated;
}

function skipped(
  { reason, lesser }: { reason: string; lesser: boolean },
  metrics: Composing['context']['metrics'],
): Debated {
  metrics.debates.inc({ outcome: 'skipped' });
  const step = skippedStep('tools_debate', reason);
  return {
    report: { outcome: 'skipped', rounds: 0, calls: 0, ms: 0, reason },
    ...{ written: null, held: false, leftMs: () => 0 },
    step: lesser ? degradedStep(step, reason) : step,
  };
}

interface Material {
  question: string;
  intent: Intent;
  found: Passage[];
}

async function hold(
  llm: Llm,
  { question, intent, found }: Material,
  { budgetMs, end, composing }: { budgetMs: number; end: number; composing: Composing },
): Promise<Debated> {
  const { context, instructions = null, ledger, report } = composing;
  const { config, draw = drawFrom(newSeed()), log, signal } = context;
  const started = performance.now();
  const before = ledger.calls.length;
  const { passages, suspects: suspected } = suspectsLast(found);
  const suspects = new Set(suspected.map(({ passage }) => passage));
  const trusted = passages.filter((passage) => !suspects.has(passage));
  const boundary = pickBoundary(question, passages, draw);
  const mark = markOf(boundary);
  const draft = startDraft(report, trusted, mark);
  const argued: Argued = await argue(
    llm,
    { question, intent, passages, delimiting: { boundary, suspects, instructions } },
    {
      ...{ ledger, signal, end, budgetMs, mark, trusted },
      cutShort: budgetMs < config.DEBATE_BUDGET_MS,
      draft,
    },
  );
  const ms = Math.round((performance.now() - started) * 10) / 10;
  const said = argued.reply ? readReply(argued.reply, mark, trusted) : null;
  const reason = argued.reason ?? (said?.text ? null : 'The synthesis had no text that could be shown.');
  const base: Step = { name: 'tools_debate', ms, outcome: 'ok', budget_ms: budgetMs };
  const of = { rounds: argued.rounds, calls: ledger.calls.length - before, ms };
  const leftMs = () => end - performance.now();
  if (reason === null && said) {
    const step: Step = {
      name: 'compose',
      ms: 0,
      outcome: 'ok',
      detail: 'The synthesis of the debate was taken.',
    };
    const { degraded } = said;
    return {
      report: { outcome: 'synthesis', ...of },
      written: {
        ...said,
        model: llm.model,
        draft,
        step: degraded ? degradedStep(step, degraded.reason) : step,
      },
      ...{ held: true, leftMs },
      step: { ...base, detail: `Two agents argued for ${of.rounds} rounds, in ${of.calls} calls.` },
    };
  }
  const told = reason ?? '';
  log.warn({ model: llm.model, ...of }, 'a debate ended without an answer');
  draft.restart(told);
  return {
    report: { outcome: 'fallback', ...of, reason: told },
    ...{ written: null, held: true, leftMs },
    step: degradedStep(base, `A single answer took the place of the debate: ${told}`),
  };
}
