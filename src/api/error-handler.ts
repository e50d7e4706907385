import type { ErrorRequestHandler, Request, Response } from 'express';
import { AppError, asAppError, errorTable } from '../errors.ts';
import type { Log } from '../log.ts';

/** What body-parser calls its errors, and what we call them. */
const bodyErrors: Record<
  string,
  { code: 'malformed_json' | 'payload_too_large' | 'unsupported_media_type'; detail: string }
> = {
  'entity.parse.failed': {
    code: 'malformed_json',
    detail: 'The body is not valid JSON: check quotes, commas and brackets.',
  },
  'entity.too.large': {
    code: 'payload_too_large',
    detail: 'A JSON body may have at most 1 MB: send larger texts as files.',
  },
  'encoding.unsupported': {
    code: 'unsupported_media_type',
    detail: 'This Content-Encoding is not supported: send the body plain, gzip, deflate or br.',
  },
  'charset.unsupported': {
    code: 'unsupported_media_type',
    detail: 'This charset is not supported: send UTF-8.',
  },
  'request.size.invalid': {
    code: 'malformed_json',
    detail: 'The body is shorter or longer than its Content-Length.',
  },
};

/** Everything that went wrong leaves here, as application/problem+json (RFC 9457): never a stack trace, SQL or a path. */
export function errorHandler(log: Log): ErrorRequestHandler {
  return (thrown, request, response, next) => {
    if (response.headersSent) {
      next(thrown);
      return;
    }
    const error = fromExpress(thrown);
    if (error.status >= 500)
      log.error({ requestId: request.id, code: error.code, err: error.cause ?? error }, 'request failed');
    if (error.code === 'payload_too_large') request.resume();
    sendProblem(request, response, error);
  };
}

export function sendProblem(request: Request, response: Response, error: AppError): void {
  const { title, status, retry } = errorTable[error.code];
  if (error.retryAfter !== undefined)
    response.setHeader('Retry-After', String(Math.max(1, Math.ceil(error.retryAfter))));
  if (status === 401) response.setHeader('WWW-Authenticate', 'Bearer realm="dt-rag"');
  response
    .status(status)
    .type('application/problem+json')
    .send(
      JSON.stringify({
        type: `urn:dt-rag:error:${error.code}`,
        title,
        status,
        code: error.code,
        detail: error.message,
        instance: request.originalUrl.split('?')[0],
        request_id: request.id,
        retryable: retry,
        ...(error.errors ? { errors: error.errors } : {}),
      }),
    );
}

const databaseDown = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  '57P01',
  '57P03',
  '53300',
  '08006',
  '08001',
]);

function fromExpress(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const { type, status, code, name } = thrown as {
    type?: string;
    status?: number;
    code?: string;
    name?: string;
  };
  const known = type === undefined ? undefined : bodyErrors[type];
  if (known) return new AppError(known.code, known.detail, { cause: thrown });
  if ((code !== undefined && databaseDown.has(code)) || name === 'KnexTimeoutError') {
    return new AppError('database_unavailable', 'The database does not answer; nothing was changed.', {
      cause: thrown,
      retryAfter: 5,
    });
  }
  // A path that can't be decoded names nothing.
  if (thrown instanceof URIError) return new AppError('not_found', 'There is no such route: see /docs.');
  if (status === 400)
    return new AppError('malformed_json', 'The request could not be read.', { cause: thrown });
  return asAppError(thrown);
}
