import { type BudgetRefusal, notCalled } from '../../src/db/model-calls.ts';
import { AppError, asAppError } from '../../src/errors.ts';
import { type JsonSchema, type Llm, LlmFault, type LlmReply, type Usage } from '../llm/llm.ts';
import type { ModelLedger } from './model-ledger.ts';
import type { Prompt } from './prompt.ts';
import { untilAborted } from './steps.ts';

export interface CallOptions {
  ledger: ModelLedger;
  maxOutputTokens: number;
  /** What the call may take, milliseconds. */
  budgetMs: number;
  /** By when its first text has to come. */
  firstTextMs: number;
  /** The budget is the deadline's rather than the model's, which is then not to blame for running over it. */
  cutShort: boolean;
  signal: AbortSignal;
  /** The reply is to be JSON by this schema. */
  schema?: JsonSchema;
  onText: (piece: string) => void;
}

export type CallEnd =
  | { reply: LlmReply }
  | { fault: LlmFault; timedOut: boolean }
  /** Not made: a budget is spent. */
  | { refused: BudgetRefusal };

/**
 * One call of a model, streamed, within its time and entered in the books however it ends. Rejects with the signal's reason
 * when that fires.
 */
export async function callModel(
  llm: Llm,
  { system, prompt }: Prompt,
  { ledger, maxOutputTokens, budgetMs, firstTextMs, cutShort, signal, schema, onText }: CallOptions,
): Promise<CallEnd> {
  const entry = await ledger.begin({ model: llm.model, shown: `${system}\n${prompt}`, maxOutputTokens });
  if ('refused' in entry) return entry;
  const clock = startClock(budgetMs, firstTextMs, cutShort);
  const started = performance.now();
  let text = '';
  let reported: Usage | undefined;
  const end = (outcome: string, charged: boolean) =>
    entry.end({ outcome, ms: performance.now() - started, reported, text, charged });
  try {
    const reply = await untilAborted(AbortSignal.any([signal, clock.signal]), (inner) =>
      llm.generate({
        ...{ system, prompt, maxOutputTokens, temperature: 0, signal: inner },
        ...(schema && { schema }),
        onText: (piece) => {
          clock.textCame();
          text += piece;
          onText(piece);
        },
        onUsage: (usage) => {
          reported = usage;
        },
      }),
    );
    await end('ok', true);
    return { reply };
  } catch (error) {
    if (signal.aborted) {
      await end('cancelled', true);
      throw signal.reason;
    }
    const timedOut = clock.signal.aborted && error === clock.signal.reason;
    const fault = asFault(error);
    await end(fault.called ? (timedOut ? 'timeout' : fault.code) : notCalled, fault.charged);
    return { fault, timedOut };
  } finally {
    clock.stop();
  }
}

/** Fires when the budget is spent, or the time for the first text passes without any. */
function startClock(budgetMs: number, firstTextMs: number, cutShort: boolean) {
  const spent = new AbortController();
  const over = (ms: number) => {
    const message = `The language model took longer than ${Math.round(ms)} ms.`;
    spent.abort(
      cutShort ? new AppError('deadline_exceeded', message) : new LlmFault('llm_unavailable', message),
    );
  };
  const whole = setTimeout(over, budgetMs, budgetMs);
  const first = setTimeout(over, firstTextMs, firstTextMs);
  return {
    signal: spent.signal,
    textCame: () => clearTimeout(first),
    stop: () => {
      clearTimeout(whole);
      clearTimeout(first);
    },
  };
}

function asFault(error: unknown): LlmFault {
  if (error instanceof LlmFault) return error;
  const { message, cause } = asAppError(error);
  return new LlmFault('llm_unavailable', message, { cause });
}
