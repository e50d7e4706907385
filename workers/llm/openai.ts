import { faultSentence, type GeminiFault } from '../../src/models/gemini-fault.ts';
import { type Llm, LlmFault, type LlmReply, type LlmRequest } from './llm.ts';
import { addOpenAiPart, type OpenAiPart } from './openai-reply.ts';
import { readEvents } from './read-events.ts';
import { collectReply } from './reply-collector.ts';

export interface OpenAiLlmOptions {
  /** Up to and with the version, e.g. `http://localhost:11434/v1`. The operator's own choice: any address is allowed. */
  baseUrl: string;
  /** Left out where the server asks for none. */
  apiKey?: string;
  model: string;
  /** Longest time one call may take, streaming included. */
  timeoutMs?: number;
}

/** A model behind the chat completions of the OpenAI protocol: vLLM, Ollama, llama.cpp, or a hosted one. No error text holds the key. */
export function createOpenAiLlm({ baseUrl, apiKey, model, timeoutMs = 60_000 }: OpenAiLlmOptions): Llm {
  const url = `${baseUrl.replace(/\/+$/, '')}/chat/completions`;

  async function* ask(request: Asked, signal: AbortSignal): AsyncIterable<OpenAiPart> {
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'error',
      headers: {
        'content-type': 'application/json',
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify(toBody(request, model)),
      signal,
    });
    if (!response.ok) throw turnedDown(response, await response.text().catch(() => ''), apiKey);
    if (!request.streamed) yield (await response.json()) as OpenAiPart;
    else for await (const data of readEvents(response.body)) yield JSON.parse(data) as OpenAiPart;
  }

  return {
    model,
    async generate({ signal, onText, onUsage, ...request }): Promise<LlmReply> {
      signal.throwIfAborted();
      const timedOut = AbortSignal.timeout(timeoutMs);
      // Ends the connection also where the reply is given up half read.
      const done = new AbortController();
      const reply = collectReply({ ...(onText && { onText }), ...(onUsage && { onUsage }) });
      try {
        const either = AbortSignal.any([signal, timedOut, done.signal]);
        for await (const part of ask({ ...request, streamed: onText !== undefined }, either))
          addOpenAiPart(part, reply, (status) => turnedDown({ status }, '', apiKey, reply.begun));
        return reply.end();
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        if (error instanceof LlmFault) throw error;
        throw broken(error, { apiKey, timedOut: timedOut.aborted, begun: reply.begun });
      } finally {
        done.abort();
      }
    },
  };
}

type Asked = Omit<LlmRequest, 'signal' | 'onText' | 'onUsage'> & { streamed: boolean };

function toBody(
  { system, prompt, maxOutputTokens, temperature, schema, streamed }: Asked,
  model: string,
): Record<string, unknown> {
  return {
    model,
    messages: [
      { role: 'system', content: system },
      { role: 'user', content: prompt },
    ],
    max_tokens: maxOutputTokens,
    temperature,
    ...(streamed ? { stream: true, stream_options: { include_usage: true } } : {}),
    ...(schema ? { response_format: { type: 'json_schema', json_schema: { name: 'reply', schema } } } : {}),
  };
}

const what = 'The language model';

/** An answer with a status that is an error, in the head or in the midst of a stream. */
function turnedDown(
  { status, headers }: { status: number; headers?: Headers },
  body: string,
  apiKey: string | undefined,
  charged = false,
): LlmFault {
  const kind = status === 429 ? 'rate_limited' : 'unavailable';
  return new LlmFault(
    kind === 'rate_limited' ? 'llm_rate_limited' : 'llm_unavailable',
    faultSentence(what, { kind, status, retryAfter: undefined, cause: new Error() }),
    {
      cause: new Error(withoutKey(`status ${status}: ${body.slice(0, 500)}`, apiKey)),
      retryAfter: status === 429 ? retryAfter(headers?.get('retry-after') ?? null) : undefined,
      lasting: kind === 'unavailable' && status < 500,
      charged,
    },
  );
}

function broken(
  error: unknown,
  { apiKey, timedOut, begun }: { apiKey: string | undefined; timedOut: boolean; begun: boolean },
): LlmFault {
  const kind: GeminiFault['kind'] = timedOut
    ? 'timeout'
    : error instanceof SyntaxError
      ? 'unusable'
      : 'unavailable';
  const { cause } = error as { cause?: unknown };
  const text = `${error}${cause === undefined ? '' : ` (${cause})`}`;
  // fetch says so of what has never been answered; a reply that was cut is `terminated`.
  const unreached = !timedOut && !begun && /fetch failed/.test(String(error));
  return new LlmFault(
    kind === 'unusable' ? 'llm_bad_output' : 'llm_unavailable',
    faultSentence(what, { kind, status: undefined, retryAfter: undefined, cause: new Error() }),
    { cause: new Error(withoutKey(text, apiKey)), charged: !unreached },
  );
}

/** Whole seconds of a Retry-After, which may also be a date. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const seconds = /^\d+(?:\.\d+)?$/.test(header.trim())
    ? Number(header)
    : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : undefined;
}

function withoutKey(text: string, apiKey: string | undefined): string {
  return apiKey ? text.replaceAll(apiKey, '[key]') : text;
}
