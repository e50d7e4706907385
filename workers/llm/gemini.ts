import {
  type GenerateContentRequest,
  type GenerateContentResponse,
  type GenerationConfig,
  GoogleGenerativeAI,
  type ResponseSchema,
  type SingleRequestOptions,
} from '@google/generative-ai';
import { faultSentence, type GeminiFault, geminiFault } from '../../src/models/gemini-fault.ts';
import { addGeminiPart } from './gemini-reply.ts';
import { type Llm, LlmFault, type LlmFaultCode, type LlmReply, type LlmRequest } from './llm.ts';
import { collectReply } from './reply-collector.ts';

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
    async generate({ signal, onText, onUsage, ...request }): Promise<LlmReply> {
      signal.throwIfAborted();
      const timedOut = AbortSignal.timeout(timeoutMs);
      // Ends the connection also where the reply is given up half read.
      const done = new AbortController();
      const ask = onText ? streamed : whole;
      const reply = collectReply({ ...(onText && { onText }), ...(onUsage && { onUsage }) });
      try {
        const options = { signal: AbortSignal.any([signal, timedOut, done.signal]) };
        for await (const part of ask(toRequest(request, model), options)) addGeminiPart(part, reply);
        return reply.end();
      } catch (error) {
        if (error instanceof LlmFault) throw error;
        throw toFault(geminiFault(error, { apiKey, timedOut, signal }), reply.begun);
      } finally {
        done.abort();
      }
    },
  };
}

function toRequest(
  { system, prompt, maxOutputTokens, temperature, schema }: Omit<LlmRequest, 'signal' | 'onText'>,
  model: string,
): GenerateContentRequest {
  // The 2.5 Flash models think by default, at the expense of maxOutputTokens: an answer from given sources needs none.
  // The SDK's type does not know the field; it sends what it is given.
  const thinking = model.startsWith('gemini-2.5-flash') ? { thinkingConfig: { thinkingBudget: 0 } } : {};
  const json = schema && {
    responseMimeType: 'application/json',
    responseSchema: schema as unknown as ResponseSchema,
  };
  const generationConfig: GenerationConfig = { maxOutputTokens, temperature, ...thinking, ...json };
  return {
    systemInstruction: system,
    contents: [{ role: 'user', parts: [{ text: prompt }] }],
    generationConfig,
  };
}

const codes: Record<GeminiFault['kind'], LlmFaultCode> = {
  rate_limited: 'llm_rate_limited',
  timeout: 'llm_unavailable',
  unusable: 'llm_bad_output',
  unavailable: 'llm_unavailable',
};

function toFault(fault: GeminiFault, begun: boolean): LlmFault {
  // What was turned down with a status, or never got there (the SDK's words for that), costs nothing.
  const unreached = fault.kind !== 'timeout' && /Error fetching from/.test(fault.cause.message);
  const turnedDown = fault.status !== undefined || unreached;
  return new LlmFault(codes[fault.kind], faultSentence('The language model', fault), {
    cause: fault.cause,
    retryAfter: fault.retryAfter,
    charged: begun || !turnedDown,
    lasting: fault.kind === 'unavailable' && fault.status !== undefined && fault.status < 500,
  });
}
