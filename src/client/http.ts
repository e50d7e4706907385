/** What the service refused, as RFC 9457 has it. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  /** Whether the same request can succeed later. */
  readonly retryable: boolean;
  readonly requestId: string | undefined;
  /** What is wrong with the input: JSON pointers and how to mend it. */
  readonly errors: { pointer: string; message: string }[];
  /** When the service asks to come back, milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(response: Response, problem: Partial<Problem>) {
    super(problem.detail ?? `The service answers ${response.status}.`);
    this.name = 'ApiError';
    this.status = response.status;
    this.code = problem.code ?? `http_${response.status}`;
    this.retryable = problem.retryable ?? response.status >= 500;
    this.requestId = problem.request_id;
    this.errors = problem.errors ?? [];
    const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
    this.retryAfterMs = Number.isFinite(seconds) ? seconds * 1000 : undefined;
  }
}

interface Problem {
  code: string;
  detail: string;
  retryable: boolean;
  request_id: string;
  errors: { pointer: string; message: string }[];
}

/** The time given to wait has passed; what was waited for goes on. */
export class WaitTimeout extends Error {
  constructor(what: string, timeoutMs: number) {
    super(`${what} has not ended within ${timeoutMs / 1000} s.`);
    this.name = 'WaitTimeout';
  }
}

export interface ClientOptions {
  /** Where the service is, e.g. `http://127.0.0.1:8000`. */
  baseUrl: string;
  apiKey: string;
  /** Another fetch than the global one. */
  fetch?: typeof fetch;
}

export interface Call {
  method?: string;
  json?: unknown;
  form?: FormData;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

/** One request. Throws ApiError for what is refused, the signal's reason once it aborts, TypeError where nobody answers. */
export type Send = (path: string, call?: Call) => Promise<Response>;

export function createSend({ apiKey, baseUrl, fetch: given }: ClientOptions): Send {
  const request = given ?? fetch;
  return async (path, { form, headers, json, method = 'GET', signal } = {}) => {
    const body = json === undefined ? form : JSON.stringify(json);
    const response = await request(new URL(path, baseUrl), {
      method,
      redirect: 'error',
      headers: {
        'X-API-Key': apiKey,
        ...(json === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
      ...(signal ? { signal } : {}),
    });
    if (response.ok || response.status === 304) return response;
    const problem = await response.json().catch(() => ({}));
    throw new ApiError(response, problem as Partial<Problem>);
  };
}

/** Tries of a request that can't do harm twice. */
const tries = 4;

/** The same, again after what may pass: nobody answers, or the service is busy and says so. */
export async function sendPatiently(send: Send, path: string, call: Call = {}): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send(path, call);
    } catch (error) {
      if (attempt === tries || call.signal?.aborted || !mayPass(error)) throw error;
      await pause(pauseAfter(error, attempt), call.signal);
    }
  }
}

/** Whether trying again makes sense: no connection (fetch throws TypeError), or a service that is busy or broken. */
export function mayPass(error: unknown): boolean {
  if (error instanceof ApiError) return error.retryable && (error.status === 429 || error.status >= 500);
  return error instanceof TypeError;
}

/** Milliseconds: what the service asks for, half a minute at most, else longer and longer, and never all at once. */
export function pauseAfter(error: unknown, attempt: number): number {
  const asked = error instanceof ApiError ? error.retryAfterMs : undefined;
  return Math.min(30_000, asked ?? 200 * 2 ** attempt * (0.5 + Math.random()));
}

/** Throws the signal's reason as soon as it aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((done, fail) => {
    const abort = () => {
      clearTimeout(timer);
      fail(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      done();
    }, ms);
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}
