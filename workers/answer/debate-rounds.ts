import type { Passage } from '../../src/retrieval/passage.ts';
import type { Llm, LlmReply } from '../llm/llm.ts';
import { leastForModelMs } from './budgets.ts';
import { type CallEnd, type CallOptions, callModel } from './call-model.ts';
import { withoutMarks } from './datamark.ts';
import {
  type Agent,
  agents,
  type Debating,
  mostTokens,
  writeAgentPrompt,
  writeSynthesisPrompt,
} from './debate-prompts.ts';
import { overBudget } from './degrade.ts';
import type { Draft } from './draft.ts';
import { withoutForeignLinks } from './foreign-links.ts';
import type { ModelLedger } from './model-ledger.ts';
import type { Note } from './prompt.ts';
import { findSuspicions } from './suspicion.ts';

/** What came of the calls: the synthesis, or why there is none. */
export interface Argued {
  reply: LlmReply | null;
  reason: string | null;
  /** That both agents finished. */
  rounds: number;
}

export interface Arguing {
  ledger: ModelLedger;
  signal: AbortSignal;
  /** By when all is over, on the monotonic clock. */
  end: number;
  budgetMs: number;
  /** The time is the deadline's, not the debate's. */
  cutShort: boolean;
  mark: string;
  trusted: readonly Passage[];
  draft: Draft;
}

const rounds = 2;
/** Share of all the time that a round may take at most, and of what is left before the synthesis writes: else it is given up while a single answer can still follow. */
const [roundShare, firstTextShare] = [0.4, 0.6];

/** The five calls. Rejects with the signal's reason when that fires. */
export async function argue(llm: Llm, debating: Debating, arguing: Arguing): Promise<Argued> {
  let notes: Note[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const noted = await askBoth(llm, debating, notes, arguing);
    if ('reason' in noted) return { reply: null, reason: noted.reason, rounds: round };
    notes = noted.notes;
  }
  const left = arguing.end - performance.now();
  const call = await callModel(llm, writeSynthesisPrompt(debating, notes), {
    ...optionsOf('synthesis', arguing, left, left * firstTextShare),
    onText: arguing.draft.write,
  });
  if ('reply' in call) return { reply: call.reply, reason: null, rounds };
  return { reply: null, reason: reasonOf(call), rounds };
}

/** One round: both at the same time. Where one fails, the other is called off. */
async function askBoth(
  llm: Llm,
  debating: Debating,
  before: readonly Note[],
  arguing: Arguing,
): Promise<{ notes: Note[] } | { reason: string }> {
  const left = arguing.end - performance.now();
  const withinMs = Math.min(arguing.budgetMs * roundShare, left * firstTextShare);
  if (withinMs < leastForModelMs) return { reason: 'The time for the debate ran out.' };
  const off = new AbortController();
  const signal = AbortSignal.any([arguing.signal, off.signal]);
  let reason: string | null = null;
  const ask = async (agent: Agent): Promise<Note[]> => {
    const options = {
      ...optionsOf(agent, { ...arguing, signal }, withinMs, withinMs),
      onText: () => undefined,
    };
    const call = await callModel(llm, writeAgentPrompt(agent, debating, before), options);
    const text = 'reply' in call ? toNote(call.reply.text, arguing) : null;
    if (text !== null) return [{ by: `${agent} examiner`, text }];
    reason ??= 'reply' in call ? `The note of the ${agent} agent spoke to the model.` : reasonOf(call);
    off.abort(new Error(reason));
    return [];
  };
  const ends = await Promise.allSettled(agents.map(ask));
  arguing.signal.throwIfAborted();
  if (reason !== null) return { reason };
  const failed = ends.find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
  return { notes: ends.flatMap((one) => (one.status === 'fulfilled' ? one.value : [])) };
}

function optionsOf(
  who: Agent | 'synthesis',
  { ledger, signal, cutShort }: Pick<Arguing, 'ledger' | 'signal' | 'cutShort'>,
  budgetMs: number,
  firstTextMs: number,
): Omit<CallOptions, 'onText'> {
  return { ledger, signal, cutShort, budgetMs, firstTextMs, maxOutputTokens: mostTokens[who] };
}

function reasonOf(call: Exclude<CallEnd, { reply: LlmReply }>): string {
  return 'refused' in call ? overBudget(call.refused).reason : call.fault.message;
}

/** A note as it is passed on; null where it reads as if a source had spoken through it. */
function toNote(text: string, { mark, trusted }: Arguing): string | null {
  const clean = withoutForeignLinks(withoutMarks(text, mark), trusted).trim();
  return clean !== '' && findSuspicions(clean).length > 0 ? null : clean;
}
