import { setTimeout as sleep } from 'node:timers/promises';
import type { Llm, LlmFault, LlmReply } from '../llm/llm.ts';
import { leastForModelMs } from './budgets.ts';
import { type CallEnd, callModel } from './call-model.ts';
import { both, type Degraded, degradedBy, overBudget } from './degrade.ts';
import type { ModelLedger } from './model-ledger.ts';
import type { Prompt } from './prompt.ts';

export interface AskOptions {
  ledger: ModelLedger;
  maxOutputTokens: number;
  /** What all calls together may take, milliseconds. */
  budgetMs: number;
  /** The budget is the deadline's rather than the models'. */
  cutShort: boolean;
  signal: AbortSignal;
  onText: (piece: string) => void;
  /** What was written so far is void. */
  onRestart: (reason: string) => void;
}

export interface Asked {
  /** null: no model gave one, and `degraded` says why. */
  reply: LlmReply | null;
  model: string;
  degraded: Degraded | null;
  /** The last fault, where a call was made and failed. */
  fault: LlmFault | null;
}

/** Calls of one model for one answer; of a model that does not answer at all, fewer. */
const [mostCalls, mostTimeouts] = [3, 2];
/** Before the second call of a model, milliseconds; doubled before each further one, and up to twice as long by chance. */
const pauseMs = 60;
/** Share of the time left after which a model that has written nothing is given up, while another call can still follow. */
const firstTextShare = 0.6;

/**
 * Asks the model, again where that can help, and then its fallback, all within one budget. Rejects with the signal's reason
 * when that fires.
 */
export async function askModels(llm: Llm, prompt: Prompt, options: AskOptions): Promise<Asked> {
  const end = performance.now() + options.budgetMs;
  let degraded: Degraded | null = null;
  let fault: LlmFault | null = null;
  for (let model: Llm | undefined = llm; model; model = model.fallback) {
    if (model !== llm && end - performance.now() < leastForModelMs) break;
    const tried = await tryModel(model, prompt, options, end);
    if ('reply' in tried) {
      if (model !== llm) degraded = both(degraded, { reason: smaller(model), codes: ['fallback_model'] });
      return { reply: tried.reply, model: model.model, degraded, fault: null };
    }
    degraded = both(degraded, tried.degraded);
    fault = tried.fault ?? fault;
    if (tried.final) break;
  }
  return { reply: null, model: llm.model, degraded, fault };
}

const smaller = (model: Llm) => `The smaller model ${model.model} wrote it.`;

type Tried = { reply: LlmReply } | { degraded: Degraded; fault: LlmFault | null; final: boolean };

async function tryModel(llm: Llm, prompt: Prompt, options: AskOptions, end: number): Promise<Tried> {
  let timeouts = 0;
  for (let calls = 1; ; calls += 1) {
    const left = end - performance.now();
    const more = llm.fallback !== undefined || (calls < mostCalls && timeouts + 1 < mostTimeouts);
    const called = await callOnce(llm, prompt, options, left, more);
    if ('reply' in called) return called;
    // Another model would be called from the same purse.
    if ('refused' in called) return { degraded: overBudget(called.refused), fault: null, final: true };
    const { fault, timedOut } = called;
    if (timedOut) timeouts += 1;
    const failed = { degraded: degradedBy(fault, timedOut), fault, final: fault.code === 'llm_refused' };
    const wait = waitBefore(calls, called, timeouts);
    const spared = end - performance.now() - (wait ?? 0);
    if (wait === undefined || calls >= mostCalls || spared < leastForModelMs || (timedOut && llm.fallback))
      return failed;
    await sleep(wait, undefined, { signal: options.signal }).catch(() => options.signal.throwIfAborted());
  }
}

async function callOnce(
  llm: Llm,
  prompt: Prompt,
  { onText, onRestart, ...options }: AskOptions,
  leftMs: number,
  more: boolean,
): Promise<CallEnd> {
  let written = false;
  // Where a further call could not end in what would be left, this one gets all the time.
  const firstTextMs =
    more && leftMs * (1 - firstTextShare) >= leastForModelMs ? leftMs * firstTextShare : leftMs;
  const end = await callModel(llm, prompt, {
    ...options,
    ...{ budgetMs: leftMs, firstTextMs },
    onText: (piece) => {
      written = true;
      onText(piece);
    },
  });
  if ('fault' in end && written) onRestart(end.fault.message);
  return end;
}

/** Milliseconds before the same model is worth another call; undefined where it is not. */
function waitBefore(calls: number, { fault }: { fault: LlmFault }, timeouts: number): number | undefined {
  if (!fault.called || fault.lasting || fault.code === 'llm_refused' || timeouts >= mostTimeouts)
    return undefined;
  const jitter = pauseMs * 2 ** (calls - 1) * (1 + Math.random());
  if (fault.code !== 'llm_rate_limited') return jitter;
  return fault.retryAfter === undefined ? jitter : fault.retryAfter * 1000 + jitter;
}
