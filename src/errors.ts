/**
 * Every error code there is, with what HTTP says of it and whether trying again can help. One table serves the door and
 * the queue alike: `retry: false` ends a job at once.
 */
export const errorTable = {
  // the caller's request
  malformed_json: { status: 400, retry: false, title: 'The body is not valid JSON' },
  validation_failed: { status: 422, retry: false, title: 'The request is not valid' },
  unknown_taxonomy_path: { status: 422, retry: false, title: 'The taxonomy path does not exist' },
  idempotency_mismatch: {
    status: 422,
    retry: false,
    title: 'This Idempotency-Key was used with another body',
  },
  idempotency_in_progress: {
    status: 409,
    retry: true,
    title: 'The first request with this Idempotency-Key is still running',
  },
  unauthenticated: { status: 401, retry: false, title: 'No valid API key' },
  forbidden: { status: 403, retry: false, title: 'The API key may not do this' },
  not_found: { status: 404, retry: false, title: 'Not found' },
  gone: { status: 410, retry: false, title: 'No longer kept' },
  method_not_allowed: { status: 405, retry: false, title: 'Method not allowed' },
  conflict: { status: 409, retry: false, title: 'The state of the resource does not allow this' },
  precondition_failed: { status: 412, retry: false, title: 'It has changed since If-Match' },
  payload_too_large: { status: 413, retry: false, title: 'The body is too large' },
  unsupported_media_type: { status: 415, retry: false, title: 'The media type is not supported' },
  rate_limited: { status: 429, retry: true, title: 'The API key is over one of its limits' },
  too_many_wrong_keys: { status: 429, retry: true, title: 'Too many wrong API keys' },
  budget_exhausted: { status: 402, retry: false, title: 'The budget for the language model is spent' },
  queue_full: { status: 429, retry: true, title: 'The queue is full' },
  upload_cut_off: { status: 400, retry: false, title: 'The upload was cut off' },
  superseded: { status: 409, retry: false, title: 'A newer version has taken its place' },
  // what a document can be guilty of
  unsupported_format: { status: 422, retry: false, title: 'The file format is not supported' },
  document_unreadable: { status: 422, retry: false, title: 'The file could not be read' },
  document_encrypted: { status: 422, retry: false, title: 'The file is encrypted' },
  document_empty: { status: 422, retry: false, title: 'The file has no text' },
  document_needs_ocr: { status: 422, retry: false, title: 'The file has its text in pictures only' },
  document_too_large: { status: 422, retry: false, title: 'The file unpacks to more than the limits allow' },
  pii_found: { status: 422, retry: false, title: 'The document holds personal data' },
  parse_timeout: { status: 422, retry: false, title: 'Reading the file took longer than the limit' },
  parse_out_of_memory: {
    status: 422,
    retry: false,
    title: 'Reading the file took more memory than the limit',
  },
  // what a URL can be guilty of
  url_refused: { status: 422, retry: false, title: 'The URL may not be fetched' },
  url_not_found: { status: 422, retry: false, title: 'There is nothing at the URL' },
  url_forbidden: { status: 422, retry: false, title: 'The server of the URL does not give it out' },
  url_too_large: { status: 422, retry: false, title: 'What the URL gives is larger than the limit' },
  url_unreachable: { status: 502, retry: true, title: 'The URL could not be fetched' },
  robots_denied: { status: 422, retry: false, title: "The site's robots.txt forbids fetching the URL" },
  webhook_url_refused: { status: 422, retry: false, title: 'No webhooks are sent to the URL' },
  // what we depend on
  database_unavailable: { status: 503, retry: true, title: 'The database is unavailable' },
  embedding_unavailable: { status: 503, retry: true, title: 'The embedding model is unavailable' },
  reranker_unavailable: { status: 503, retry: true, title: 'The reranker is unavailable' },
  llm_unavailable: { status: 503, retry: true, title: 'The language model is unavailable' },
  llm_rate_limited: { status: 503, retry: true, title: 'The language model is over its rate limit' },
  llm_refused: { status: 502, retry: false, title: 'The language model refused to answer' },
  llm_bad_output: { status: 502, retry: true, title: 'The language model answered with something unusable' },
  lease_lost: { status: 409, retry: false, title: 'Another worker has taken this work over' },
  deadline_exceeded: { status: 504, retry: false, title: 'The deadline has passed' },
  gave_up: { status: 500, retry: false, title: 'Given up after repeated failures' },
  shutting_down: { status: 503, retry: true, title: 'The process is shutting down' },
  internal: { status: 500, retry: true, title: 'Internal error' },
} as const;

export type ErrorCode = keyof typeof errorTable;

/** One thing wrong with the input: a JSON pointer into the body (or `/query/…`, `/headers/…`) and how to mend it. */
export interface InputProblem {
  pointer: string;
  message: string;
}

interface AppErrorOptions {
  cause?: unknown;
  errors?: InputProblem[];
  /** Seconds until trying again makes sense. */
  retryAfter?: number;
}

/** An error with a code from the table. `detail` is one sentence for the caller: no stack, SQL, path or secret in it. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly errors: InputProblem[] | undefined;
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, detail: string, options: AppErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.errors = options.errors;
    this.retryAfter = options.retryAfter;
  }

  get status(): number {
    return errorTable[this.code].status;
  }

  get retryable(): boolean {
    return errorTable[this.code].retry;
  }
}

/** The error as an AppError; what we did not foresee becomes `internal` with its cause kept for the log. */
export function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError('internal', 'An unexpected error occurred.', { cause: error });
}

/** What a row or a resource shows of an error. */
export interface ErrorSummary {
  code: ErrorCode;
  detail: string;
  retryable: boolean;
}

export function summarise(error: unknown): ErrorSummary {
  const { code, message, retryable } = asAppError(error);
  return { code, detail: message, retryable };
}
