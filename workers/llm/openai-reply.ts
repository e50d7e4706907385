import type { LlmFault } from './llm.ts';
import { type ReplyCollector, refused } from './reply-collector.ts';

interface Written {
  content?: string | null;
  refusal?: string | null;
}

/** The fields of a chat completion, whole or one of its chunks, that matter here; any may be missing in what arrives. */
export interface OpenAiPart {
  choices?: { message?: Written; delta?: Written; finish_reason?: string | null }[];
  usage?: { prompt_tokens?: number; completion_tokens?: number } | null;
  /** An error that comes after the stream has begun stands in the stream. */
  error?: { code?: unknown; status?: unknown; message?: string };
}

/**
 * One part of a reply, or all of it, into the collector. Throws LlmFault `llm_refused` where a filter stopped the model, and
 * for an error in the stream what `fault` makes of its status (503 where it names none). Calls of tools are left out: the
 * model was given none.
 */
export function addOpenAiPart(
  { choices, usage, error }: OpenAiPart,
  reply: ReplyCollector,
  fault: (status: number) => LlmFault,
): void {
  if (error) throw fault([error.status, error.code].map(Number).find((code) => code >= 400) ?? 503);
  if (usage)
    reply.usage({ inputTokens: usage.prompt_tokens ?? 0, outputTokens: usage.completion_tokens ?? 0 });
  const choice = choices?.[0];
  const written = choice?.delta ?? choice?.message;
  if (choice?.finish_reason === 'content_filter' || written?.refusal) throw refused();
  reply.text(written?.content);
  if (choice?.finish_reason) reply.finish(choice.finish_reason === 'length' ? 'length' : 'stop');
}
