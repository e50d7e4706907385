import { AppError } from '../../src/errors.ts';
import type { LlmReply } from './llm.ts';

/** The fields of Gemini's GenerateContentResponse that matter here; any of them may be missing in what arrives. */
interface ReplyPart {
  candidates?: {
    content?: { parts?: { text?: string; thought?: boolean }[] };
    finishReason?: string;
  }[];
  promptFeedback?: { blockReason?: string };
  usageMetadata?: { promptTokenCount?: number; candidatesTokenCount?: number; thoughtsTokenCount?: number };
  /** An error that comes after the stream has begun stands in the stream. */
  error?: { code?: number; message?: string; details?: unknown };
}

const refusals = ['SAFETY', 'RECITATION', 'LANGUAGE', 'BLOCKLIST', 'PROHIBITED_CONTENT', 'SPII'];

/**
 * Puts a reply together from its parts, one or many. `add` throws AppError `llm_refused` at a blocked prompt or
 * candidate, and an error that stands in the stream as the SDK would; `end` throws `llm_bad_output` without any text and
 * `llm_unavailable` where the reply stops before its end.
 */
export function createReplyReader(onText?: (piece: string) => void) {
  let text = '';
  let finish: string | undefined;
  let usage: NonNullable<ReplyPart['usageMetadata']> = {};

  function add(part: ReplyPart): void {
    if (part.error) {
      const { code, message, details } = part.error;
      throw Object.assign(new Error(message), { status: code, errorDetails: details });
    }
    usage = part.usageMetadata ?? usage;
    const candidate = part.candidates?.[0];
    finish = candidate?.finishReason ?? finish;
    if (part.promptFeedback?.blockReason || (finish && refusals.includes(finish))) {
      throw new AppError('llm_refused', 'The language model refused to answer for its safety rules.');
    }
    for (const { text: piece, thought } of candidate?.content?.parts ?? []) {
      if (!piece || thought) continue;
      text += piece;
      onText?.(piece);
    }
  }

  function end(): LlmReply {
    if (text.trim() === '')
      throw new AppError('llm_bad_output', 'The language model answered without any text.');
    if (!finish) throw new AppError('llm_unavailable', 'The answer of the language model broke off.');
    return {
      text,
      inputTokens: usage.promptTokenCount ?? 0,
      outputTokens: (usage.candidatesTokenCount ?? 0) + (usage.thoughtsTokenCount ?? 0),
      finishReason: finish === 'MAX_TOKENS' ? 'length' : 'stop',
    };
  }

  return { add, end };
}
