import { z } from 'zod';
import { principalOf } from '../access.ts';
import { answerStatuses } from '../db/answers.ts';
import { findOperation, type OperationRow } from '../db/operations.ts';
import { AppError } from '../errors.ts';
import { isTerminal } from './answer-resource.ts';
import type { ApiContext } from './app.ts';
import { type AnyRoute, route } from './route.ts';
import { errorSummarySchema, idParams, timestamp } from './schemas.ts';

export const operationSchema = z
  .object({
    id: z.uuid(),
    verb: z.string(),
    target: z.uuid().nullable().describe('null when it is about many'),
    status: z.enum(answerStatuses),
    is_terminal: z.boolean(),
    progress: z.number().min(0).max(1),
    receipt: z.record(z.string(), z.int()).nullable(),
    error: errorSummarySchema.nullable(),
    created_at: timestamp,
    completed_at: timestamp.nullable(),
    links: z.object({ self: z.string() }),
  })
  .meta({ id: 'Operation' });

export function toOperation({
  id,
  verb,
  target,
  status,
  total,
  partial,
  receipt,
  error,
  created_at,
  completed_at,
}: OperationRow) {
  return {
    id,
    verb,
    target,
    status,
    is_terminal: isTerminal(status),
    progress: status === 'completed' ? 1 : Math.min(1, (partial.documents ?? 0) / Math.max(1, total)),
    receipt,
    error,
    created_at,
    completed_at,
    links: { self: `/api/v1/operations/${id}` },
  };
}

export function operationRoutes({ db }: ApiContext): AnyRoute[] {
  return [
    route({
      method: 'get',
      paths: ['/api/v1/operations/{id}'],
      scope: 'read',
      tag: 'operations',
      summary: 'Long admin work',
      params: idParams,
      responses: { 200: { description: 'The operation', schema: operationSchema } },
      handler: async ({ params, caller }) => {
        const row = await findOperation(db, params.id, principalOf(caller));
        if (!row) throw new AppError('not_found', 'There is no such operation.');
        return { status: 200, body: toOperation(row) };
      },
    }),
  ];
}
