import type { Passage } from '../../src/retrieval/passage.ts';
import { countTokens } from '../../src/text/count-tokens.ts';
import type { Composing } from './compose.ts';
import { mostTokens } from './debate-prompts.ts';

/** Below this no debate begins, milliseconds: three calls one after the other, and one in their place. */
export const leastForDebateMs = 2000;
/** What instructions and delimiters come to beside the sources, tokens. */
const aroundSources = 600;

/**
 * Why no debate is held; null where one is. `lesser`: it is the first thing to go where the model is not well, or time or
 * money are short: the answer is less than it was to be.
 */
export async function whyNoDebate(
  question: string,
  passages: readonly Passage[],
  { budgetMs, composing: { context, ledger } }: { budgetMs: number; composing: Composing },
): Promise<{ reason: string; lesser: boolean } | null> {
  const { llm, config } = context;
  if (!llm) return { reason: 'There is no language model to debate.', lesser: false };
  if (passages.length === 0) return { reason: 'Nothing was found to debate.', lesser: false };
  const condition = llm.condition?.() ?? 'closed';
  const less = (reason: string) => ({ reason: `No debate was held: ${reason}`, lesser: true });
  if (condition !== 'closed') return less(`the language model is ${condition}.`);
  if (budgetMs < leastForDebateMs) return less('the deadline leaves no time for one.');
  const shown = aroundSources + countTokens([question, ...passages.map(({ text }) => text)].join('\n'));
  const { affirmative, critical, synthesis } = mostTokens;
  const call = (inputTokens: number, maxOutputTokens: number) => ({
    model: llm.model,
    inputTokens,
    maxOutputTokens,
  });
  const notes = affirmative + critical;
  const affords = await ledger.affords([
    ...[call(shown, affirmative), call(shown, critical)],
    ...[call(shown + notes, affirmative), call(shown + notes, critical)],
    ...[call(shown + notes, synthesis), call(shown, config.LLM_MAX_OUTPUT_TOKENS)],
  ]);
  return affords ? null : less('what is left of the budget of the day is too little for one.');
}
