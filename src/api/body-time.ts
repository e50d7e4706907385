import type { RequestHandler } from 'express';

/** What Node's server allows for a whole request by default, milliseconds. */
const mostMs = 300_000;

/**
 * Drops a request whose body takes too long, except where bodies are streams of any length: these are timed from one line to
 * the next. It stands for the server's own limit, which knows no exception.
 */
export function limitBodyTime(streamed: string): RequestHandler {
  return (request, _response, next) => {
    if (request.is(streamed)) return next();
    const timer = setTimeout(() => {
      if (!request.complete) request.destroy();
    }, mostMs).unref();
    request.once('close', () => clearTimeout(timer));
    next();
  };
}
