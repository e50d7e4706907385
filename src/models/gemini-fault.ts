/** What went wrong at the Gemini API, in the terms that embedder and language model share. */
export interface GeminiFault {
  kind: 'rate_limited' | 'timeout' | 'unusable' | 'unavailable';
  /** HTTP status, where there was an answer. */
  status: number | undefined;
  /** Seconds the API asks to wait, from google.rpc.RetryInfo. */
  retryAfter: number | undefined;
  /** What the SDK said, with the API key struck out; for the log, not for callers. */
  cause: Error;
}

interface ApiError {
  status?: unknown;
  errorDetails?: unknown;
}

/**
 * Sorts an error of the SDK. Aborting is not a fault: the abort reason is thrown on. `timedOut` is the signal of the
 * call's own time limit.
 */
export function geminiFault(
  error: unknown,
  { apiKey, timedOut, signal }: { apiKey: string; timedOut: AbortSignal; signal?: AbortSignal | undefined },
): GeminiFault {
  if (signal?.aborted) throw signal.reason;
  const { status, errorDetails } = (error ?? {}) as ApiError;
  const answered = typeof status === 'number' ? status : undefined;
  return {
    kind: kindOf(error, answered, timedOut),
    status: answered,
    retryAfter: retryDelay(errorDetails),
    cause: new Error(String(error).replaceAll(apiKey, '[key]')),
  };
}

/** The fault as a sentence about `what`, e.g. `The language model`. */
export function faultSentence(what: string, { kind, status }: GeminiFault): string {
  if (kind === 'rate_limited') return `${what} is over its rate limit.`;
  if (kind === 'timeout') return `${what} did not answer in time.`;
  if (kind === 'unusable') return `${what} answered with something that can't be read.`;
  if (status === undefined) return `${what} could not be reached.`;
  if (status >= 500) return `${what} answered with status ${status}.`;
  return `${what} rejected the request with status ${status}; check the API key and the model's name.`;
}

function kindOf(error: unknown, status: number | undefined, timedOut: AbortSignal): GeminiFault['kind'] {
  if (timedOut.aborted) return 'timeout';
  if (status === 429) return 'rate_limited';
  const message = error instanceof Error ? error.message : '';
  // The SDK reports broken JSON as a SyntaxError in a whole answer and by these words in a stream.
  if (error instanceof SyntaxError || /Error parsing JSON response|Failed to parse stream/.test(message)) {
    return 'unusable';
  }
  return 'unavailable';
}

/** `{"@type": "…google.rpc.RetryInfo", "retryDelay": "7.5s"}` → 8. */
function retryDelay(details: unknown): number | undefined {
  if (!Array.isArray(details)) return undefined;
  for (const detail of details as Record<string, unknown>[]) {
    const seconds = /^(\d+(?:\.\d+)?)s$/.exec(String(detail?.retryDelay ?? ''))?.[1];
    if (seconds !== undefined) return Math.ceil(Number(seconds));
  }
  return undefined;
}
