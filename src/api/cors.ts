import cors from 'cors';
import type { Express } from 'express';

/** What pages of other origins may send, … */
const allowedHeaders = [
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'If-None-Match',
  'Last-Event-ID',
  'Prefer',
  'traceparent',
  'X-API-Key',
  'X-Request-Id',
  'X-Rollout-Id',
];
/** … and read beside the few that every page may. */
const exposedHeaders = [
  'ETag',
  'Idempotency-Replayed',
  'Location',
  'Preference-Applied',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'X-Request-Id',
];

/**
 * Lets pages of these origins call the API from a browser; without any, none may. The key goes in a header that the page has
 * to set itself, so no credentials are allowed: nothing that the browser would send by itself counts here.
 */
export function allowOrigins(app: Express, origins: readonly string[]): void {
  if (origins.length === 0) return;
  app.use(
    cors({
      origin: [...origins],
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      allowedHeaders,
      exposedHeaders,
      maxAge: 600,
    }),
  );
}
