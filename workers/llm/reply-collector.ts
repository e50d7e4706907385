import { LlmFault, type LlmReply, type LlmRequest, type Usage } from './llm.ts';

export interface ReplyCollector {
  /** Whether anything of the reply has come. */
  readonly begun: boolean;
  text(piece: string | null | undefined): void;
  usage(usage: Usage): void;
  finish(reason: LlmReply['finishReason']): void;
  /** The reply. Throws `llm_bad_output` without any text, `llm_unavailable` where it stops before its end. */
  end(): LlmReply;
}

/** Puts a reply together from its parts, one or many, and tells of each as it comes. */
export function collectReply({ onText, onUsage }: Pick<LlmRequest, 'onText' | 'onUsage'>): ReplyCollector {
  let text = '';
  let finish: LlmReply['finishReason'] | undefined;
  let used: Usage = { inputTokens: 0, outputTokens: 0 };
  let begun = false;
  return {
    get begun() {
      return begun;
    },
    text(piece) {
      begun = true;
      if (!piece) return;
      text += piece;
      onText?.(piece);
    },
    usage(usage) {
      begun = true;
      used = usage;
      onUsage?.(usage);
    },
    finish(reason) {
      begun = true;
      finish = reason;
    },
    end() {
      if (text.trim() === '')
        throw new LlmFault('llm_bad_output', 'The language model answered without any text.');
      if (!finish) throw new LlmFault('llm_unavailable', 'The answer of the language model broke off.');
      return { text, ...used, finishReason: finish };
    },
  };
}

export function refused(): LlmFault {
  return new LlmFault('llm_refused', 'The language model refused to answer for its safety rules.');
}
