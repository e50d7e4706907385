import { randomUUID } from 'node:crypto';
import type { Request } from 'express';
import { scopes } from '../db/api-keys.ts';
import { AppError } from '../errors.ts';
import { isAudited, noAudit } from './audit.ts';
import { type AnyRoute, type Caller, type Reply, validate } from './route.ts';

export interface InnerCall {
  /** `POST /api/v1/search`: a route that needs no audit and reads no raw body. */
  route: string;
  params?: Record<string, string>;
  body?: unknown;
  /** Names in lower case. */
  headers?: Record<string, string>;
}

/** Who calls, and as what. */
export interface InnerCaller {
  caller: Caller;
  requestId: string;
  signal: AbortSignal;
  address: string | undefined;
}

/**
 * Calls a route from within: the same schemas, scope, limits of the resource and handler as through its own door. What belongs
 * to the request (key, permit) is the business of whoever took that. Throws what the route throws.
 */
export async function callRoute(
  all: readonly AnyRoute[],
  { route, params = {}, body, headers = {} }: InnerCall,
  { address, caller, requestId, signal }: InnerCaller,
): Promise<Reply> {
  const spec = all.find(({ method, paths }) => route === `${method.toUpperCase()} ${paths[0]}`);
  if (!spec || isAudited(spec)) throw new AppError('internal', `${route} can't be called from within.`);
  if (spec.scope && scopes.indexOf(caller.scope) < scopes.indexOf(spec.scope))
    throw new AppError(
      'forbidden',
      `This needs a key with scope ${spec.scope}; this one has ${caller.scope}.`,
    );
  const raw = {
    ...{ params, query: {}, body, ip: address, headers },
    get: (name: string) => headers[name.toLowerCase()],
    is: () => false,
  } as unknown as Request;
  const checked = validate(spec, raw);
  const request = { ...checked, caller, requestId, raw, signal, upload: undefined };
  return spec.handler({ ...request, workId: randomUUID(), audit: noAudit } as never);
}
