import {
  type GenerateContentRequest,
  type GenerateContentResponse,
  type GenerationConfig,
  GoogleGenerativeAI,
  type SingleRequestOptions,
} from '@google/generative-ai';
import { AppError, type ErrorCode } from '../../src/errors.ts';
import { faultSentence, type GeminiFault, geminiFault } from '../../src/models/gemini-fault.ts';
import type { Llm, LlmReply, LlmRequest } from './llm.ts';
import { createReplyReader } from './reply-reader.ts';

export interface GeminiLlmOptions {
  apiKey: string;
  baseUrl?: string;
  model?: string;
  /** Longest time one call may take, streaming included. */
  timeoutMs?: number;
}

type Ask = (
  request: GenerateContentRequest,
  options: SingleRequestOptions,
) => AsyncIterable<GenerateContentResponse>;

/** A Gemini model through its API. No error text holds the key. */
export function createGeminiLlm({
  apiKey,
  baseUrl,
  model = 'gemini-2.5-flash',
  timeoutMs = 60_000,
}: GeminiLlmOptions): Llm {
  const api = new GoogleGenerativeAI(apiKey).getGenerativeModel(
    { model },
    baseUrl === undefined ? {} : { baseUrl },
  );

  const whole: Ask = async function* (request, options) {
    yield (await api.generateContent(request, options)).response;
  };
  const streamed: Ask = async function* (request, options) {
    const { stream, response } = await api.generateContentStream(request, options);
    // The SDK reads the stream twice; this copy fails together with the one read below, which reports it.
    response.catch(() => undefined);
    yield* stream;
  };

  return {
    model,
    async generate({ signal, onText, ...request }): Promise<LlmReply> {
      signal.throwIfAborted();
      const timedOut = AbortSignal.timeout(timeoutMs);
      // Ends the connection also where the reply is given up half read.
      const done = new AbortController();
      const ask = onText ? streamed : whole;
      const reader = createReplyReader(onText);
      try {
        const options = { signal: AbortSignal.any([signal, timedOut, done.signal]) };
        for await (const part of ask(toRequest(request, model), options)) reader.add(part);
        return reader.end();
      } catch (error) {
        if (error instanceof AppError) throw error;
        throw toAppError(geminiFault(error, { apiKey, timedOut, signal }));
      } finally {
        done.abort();
      }
    },
  };
}

function toRequest(
  { system, prompt, maxOutputTokens, temperature }: Omit<LlmRequest, 'signal' | 'onText'>,
  model: string,
): GenerateContentRequest {
  // The 2.5 Flash models think by default, at the expense of maxOutputTokens: an answer from given sources needs none.
  // The SDK's type does not know the field; it sends what it is given.
  const thinking = model.startsWith('gemini-2.5-flash') ? { thinkingConfig: { thinkingBudget: 0 } } : {};
  const generationConfig: GenerationConfig = { maxOutputTokens, temperature, ...thinking };
  return {
    systemInstruction: system,
    contents: [{ role: 'user', parts: [{ text: prompt }] }],
    generationConfig,
  };
}

const codes: Record<GeminiFault['kind'], ErrorCode> = {
  rate_limited: 'llm_rate_limited',
  timeout: 'llm_unavailable',
  unusable: 'llm_bad_output',
  unavailable: 'llm_unavailable',
};

function toAppError(fault: GeminiFault): AppError {
  return new AppError(codes[fault.kind], faultSentence('The language model', fault), {
    cause: fault.cause,
    ...(fault.retryAfter === undefined ? {} : { retryAfter: fault.retryAfter }),
  });
}
