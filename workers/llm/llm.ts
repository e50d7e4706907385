import { AppError, type ErrorCode } from '../../src/errors.ts';

/** What a call has used so far, as its provider counts. */
export interface Usage {
  inputTokens: number;
  /** All that is charged as output, the model's own thinking included. */
  outputTokens: number;
}

export interface LlmRequest {
  /** What the model is told about its task; instructions stand here, never in the prompt. */
  system: string;
  prompt: string;
  maxOutputTokens: number;
  temperature: number;
  signal: AbortSignal;
  /** Holds the reply to this JSON schema; its text is then JSON. */
  schema?: JsonSchema;
  /** Called with each piece of text as it is written. A call that fails may have written some of it before. */
  onText?: (piece: string) => void;
  /** Called whenever the provider says what the call has used; also in calls that fail later. */
  onUsage?: (usage: Usage) => void;
}

/** The part of JSON Schema that every provider understands. */
export interface JsonSchema {
  type: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  properties?: Record<string, JsonSchema>;
  required?: readonly string[];
  items?: JsonSchema;
  enum?: readonly string[];
}

export interface LlmReply extends Usage {
  text: string;
  /** `length`: the text was cut at maxOutputTokens. */
  finishReason: 'stop' | 'length';
}

/** A language model. */
export interface Llm {
  /** As reported in an answer, e.g. `gemini-2.5-flash`. */
  readonly model: string;
  /** The smaller model that takes over where this one fails. */
  readonly fallback?: Llm;
  /** Whether calls pass at present; left out where nothing stands before the model. */
  condition?(): ModelCondition;
  /**
   * Throws the abort reason, or LlmFault: `llm_rate_limited` (with retryAfter where known), `llm_unavailable`,
   * `llm_bad_output` (empty or unreadable), `llm_refused`. The reply's text is never empty. The model has no tools.
   */
  generate(request: LlmRequest): Promise<LlmReply>;
}

/** Of a circuit breaker: closed lets calls pass, half-open one at a time, open none; rate_limited none until the provider's time has come. */
export type ModelCondition = 'closed' | 'half_open' | 'open' | 'rate_limited';

export type LlmFaultCode = Extract<ErrorCode, `llm_${string}`>;

interface LlmFaultOptions {
  cause?: unknown;
  /** Seconds. */
  retryAfter?: number | undefined;
  charged?: boolean;
  called?: boolean;
  lasting?: boolean;
}

/** Why a call gave no reply. */
export class LlmFault extends AppError {
  declare readonly code: LlmFaultCode;
  /** Whether what the call had used may be charged: not where the provider turned the request down. */
  readonly charged: boolean;
  /** False: the model was not asked at all, since it is left alone for the moment. */
  readonly called: boolean;
  /** The same call would fail again: a wrong key, an unknown model. */
  readonly lasting: boolean;

  constructor(
    code: LlmFaultCode,
    detail: string,
    { cause, retryAfter, charged = true, called = true, lasting = false }: LlmFaultOptions = {},
  ) {
    super(code, detail, {
      ...(cause === undefined ? {} : { cause }),
      ...(retryAfter === undefined ? {} : { retryAfter }),
    });
    this.charged = charged && called;
    this.called = called;
    this.lasting = lasting;
  }
}
