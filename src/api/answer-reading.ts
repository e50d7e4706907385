import { createHash } from 'node:crypto';
import { z } from 'zod';
import { principalOf } from '../access.ts';
import { readSteps } from '../db/answer-events.ts';
import { answerStatuses } from '../db/answers.ts';
import { listAnswers } from '../db/list-answers.ts';
import type { FindAnswer } from './answer-events.ts';
import type { Pace } from './answer-pace.ts';
import { answerSchema, isTerminal, toAnswer } from './answer-resource.ts';
import { readWait, retryAfter, waited, watchEnd } from './answer-waiting.ts';
import type { ApiContext } from './app.ts';
import { type AnyRoute, type Reply, route } from './route.ts';
import { idParams, listOf, pageQuery } from './schemas.ts';

export function answerReadingRoutes(context: ApiContext, get: FindAnswer, pace: Pace): AnyRoute[] {
  return [listRoute(context, pace), getRoute(context, get, pace)];
}

function getRoute({ db, notifications, stopping }: ApiContext, get: FindAnswer, pace: Pace): AnyRoute {
  return route({
    method: 'get',
    paths: ['/api/v1/answers/{id}'],
    scope: 'read',
    tag: 'answers',
    summary: 'An answer, finished or not; with Prefer: wait, when it has ended or that time is over',
    params: idParams,
    responses: {
      200: { description: 'The answer', schema: answerSchema },
      304: { description: 'Unchanged since If-None-Match' },
    },
    handler: async ({ params, raw, caller, signal }): Promise<Reply> => {
      const seconds = readWait(raw.get('prefer'));
      const find = (id: string) => get(id, caller);
      const watch = seconds ? watchEnd(notifications, params.id, find) : undefined;
      try {
        const known = await find(params.id);
        const row = watch ? await watch.wait(known, seconds ?? 0, [signal, stopping]) : known;
        const pollAfterMs = isTerminal(row.status) ? 0 : await pace.pollAfterMs(row);
        const steps = row.status === 'in_progress' ? await readSteps(db, row.id) : undefined;
        const body = toAnswer(row, { pollAfterMs, ...(steps ? { steps } : {}) });
        const etag = strongTag(body);
        const headers = { ETag: etag, ...waited(seconds), ...retryAfter(row, pollAfterMs) };
        if (matches(raw.get('if-none-match'), etag)) return { status: 304, headers };
        return { status: 200, body, headers };
      } finally {
        watch?.stop();
      }
    },
  });
}

/** Of exactly what is sent: whatever changes in it changes the tag. */
function strongTag(body: unknown): string {
  return `"${createHash('sha256').update(JSON.stringify(body)).digest('base64url').slice(0, 27)}"`;
}

/** As RFC 9110 has it: weak comparison of a list, or anything. */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  const tags = (ifNoneMatch ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(etag);
}

const listQuery = z.strictObject({ ...pageQuery, status: z.enum(answerStatuses).optional() });

function listRoute({ db }: ApiContext, pace: Pace): AnyRoute {
  return route({
    method: 'get',
    paths: ['/api/v1/answers'],
    scope: 'read',
    tag: 'answers',
    summary: 'Your answers, newest first',
    query: listQuery,
    responses: { 200: { description: 'A page', schema: listOf(answerSchema) } },
    handler: async ({ query, caller }) => {
      const page = await listAnswers(db, principalOf(caller), query);
      const items = await Promise.all(
        page.items.map(async (row) =>
          toAnswer(row, { pollAfterMs: isTerminal(row.status) ? 0 : await pace.pollAfterMs(row) }),
        ),
      );
      return { status: 200, body: { items, next_cursor: page.next_cursor } };
    },
  });
}
