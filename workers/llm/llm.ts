export interface LlmRequest {
  /** What the model is told about its task; instructions stand here, never in the prompt. */
  system: string;
  prompt: string;
  maxOutputTokens: number;
  temperature: number;
  signal: AbortSignal;
  /** Called with each piece of text as it is written. A call that fails may have written some of it before. */
  onText?: (piece: string) => void;
}

export interface LlmReply {
  text: string;
  inputTokens: number;
  /** All that is charged as output, the model's own thinking included. */
  outputTokens: number;
  /** `length`: the text was cut at maxOutputTokens. */
  finishReason: 'stop' | 'length';
}

/** A language model. */
export interface Llm {
  /** As reported in an answer, e.g. `gemini-2.5-flash`. */
  readonly model: string;
  /**
   * Throws the abort reason, or AppError: `llm_rate_limited` (with retryAfter where known), `llm_unavailable`,
   * `llm_bad_output` (empty or unreadable), `llm_refused`. The reply's text is never empty.
   */
  generate(request: LlmRequest): Promise<LlmReply>;
}
