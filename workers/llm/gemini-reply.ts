import { type ReplyCollector, refused } from './reply-collector.ts';

/** The fields of Gemini's GenerateContentResponse that matter here; any of them may be missing in what arrives. */
export interface GeminiPart {
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
 * One part of a reply, or all of it, into the collector. Throws LlmFault `llm_refused` at a blocked prompt or candidate, and
 * an error that stands in the stream as the SDK would.
 */
export function addGeminiPart(part: GeminiPart, reply: ReplyCollector): void {
  if (part.error) {
    const { code, message, details } = part.error;
    throw Object.assign(new Error(message), { status: code, errorDetails: details });
  }
  if (part.usageMetadata) {
    const { promptTokenCount = 0, candidatesTokenCount = 0, thoughtsTokenCount = 0 } = part.usageMetadata;
    reply.usage({ inputTokens: promptTokenCount, outputTokens: candidatesTokenCount + thoughtsTokenCount });
  }
  const candidate = part.candidates?.[0];
  const finish = candidate?.finishReason;
  if (part.promptFeedback?.blockReason || (finish && refusals.includes(finish))) throw refused();
  for (const { text, thought } of candidate?.content?.parts ?? []) if (!thought) reply.text(text);
  if (finish) reply.finish(finish === 'MAX_TOKENS' ? 'length' : 'stop');
}
