import type { LlmSettings } from '../../workers/llm/llms.ts';
import { promptOf } from './gemini-replies.ts';
import { type Behaviour, type GeminiRequest, startGeminiStandIn } from './gemini-stand-in.ts';
import { type OpenAiRequest, startOpenAiStandIn } from './openai-stand-in.ts';

export type { Behaviour } from './gemini-stand-in.ts';

/** What a model was shown, whatever the protocol. */
export interface Shown {
  model: string;
  system: string;
  prompt: string;
  streamed: boolean;
}

/** A stand-in for any provider's server, with the same behaviours. */
export interface LlmStandIn {
  provider: 'gemini' | 'openai';
  /** To open the model with. */
  settings: LlmSettings;
  /** To start a service with. */
  environment: Record<string, string>;
  url: string;
  shown(): Shown[];
  /** The last request as it came over the wire. */
  lastBody(): Record<string, unknown>;
  script(script: Behaviour[] | ((shown: Shown) => Behaviour | undefined)): void;
  abandoned(): number;
  close(): Promise<void>;
}

export const llmStandIns = {
  async gemini(options: { apiKey: string }): Promise<LlmStandIn> {
    const { script, ...standIn } = await startGeminiStandIn(options);
    const settings = {
      provider: 'gemini',
      geminiApiKey: options.apiKey,
      geminiBaseUrl: standIn.url,
    } as const;
    return {
      ...standIn,
      ...{ provider: 'gemini', settings },
      environment: { GEMINI_API_KEY: options.apiKey, GEMINI_BASE_URL: standIn.url },
      shown: () => standIn.requests.map(shownToGemini),
      lastBody: () => standIn.requests.at(-1)?.body ?? {},
      script: (next) => script(Array.isArray(next) ? next : (request) => next(shownToGemini(request))),
    };
  },
  async openai(options: { apiKey: string }): Promise<LlmStandIn> {
    const { script, ...standIn } = await startOpenAiStandIn(options);
    const model = 'local-model';
    const settings = { provider: 'openai', baseUrl: standIn.url, apiKey: options.apiKey, model } as const;
    return {
      ...standIn,
      ...{ provider: 'openai', settings },
      environment: {
        ...{ LLM_PROVIDER: 'openai', LLM_BASE_URL: standIn.url, LLM_API_KEY: options.apiKey },
        LLM_MODEL: model,
      },
      shown: () => standIn.requests.map(shownToOpenAi),
      lastBody: () => standIn.requests.at(-1) ?? {},
      script: (next) => script(Array.isArray(next) ? next : (request) => next(shownToOpenAi(request))),
    };
  },
};

function shownToGemini(request: GeminiRequest): Shown {
  const { model, action, body } = request;
  const system = (body.systemInstruction?.parts ?? []).map(({ text }) => text ?? '').join('\n');
  return { model, system, prompt: promptOf(request), streamed: action === 'streamGenerateContent' };
}

function shownToOpenAi({ model, messages, stream = false }: OpenAiRequest): Shown {
  const of = (wanted: string) =>
    messages.flatMap(({ role, content }) => (role === wanted ? [content] : [])).join('\n');
  return { model, system: of('system'), prompt: of('user'), streamed: stream };
}
