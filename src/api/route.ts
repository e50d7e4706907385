import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Access } from '../access.ts';
import type { Scope } from '../db/api-keys.ts';
import { AppError, type InputProblem } from '../errors.ts';
import type { Audit } from './audit.ts';
import type { Upload } from './upload.ts';

/** Who is asking. The admin key of the environment has the nil uuid as id. */
export interface Caller {
  id: string;
  name: string;
  scope: Scope;
  /** What the key is restricted to; absent: nothing is hidden from it. */
  access?: Access;
  /** The assistant that the key is bound to; absent: none. */
  assistantId?: string;
  /** What language models may cost for this key in a day; undefined: no limit. */
  budgetUsdPerDay?: number;
}

type Schema = z.ZodType | undefined;
type Output<S> = S extends z.ZodType ? z.output<S> : undefined;

export interface RouteRequest<P extends Schema, Q extends Schema, B extends Schema> {
  params: Output<P>;
  query: Output<Q>;
  body: Output<B>;
  /** The form, when one came to a route that takes files. */
  upload: Upload | undefined;
  /** Undefined on public routes only. */
  caller: Caller;
  requestId: string;
  /** Where the handler tells what it changed; see `audited`. */
  audit: Audit;
  /** For what the request creates: the same at every try with one Idempotency-Key. */
  workId: string;
  raw: Request;
  signal: AbortSignal;
}

/** What a handler gives back. `send` writes anything that is not JSON by itself. */
export interface Reply {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
  send?: (response: Response) => void;
}

export interface RouteSpec<P extends Schema = Schema, Q extends Schema = Schema, B extends Schema = Schema> {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** First the one to document; further ones are aliases. Parameters as `{id}`. */
  paths: readonly [string, ...string[]];
  /** null: public. */
  scope: Scope | null;
  tag: string;
  summary: string;
  params?: P;
  query?: Q;
  body?: B;
  /** Media types beside JSON; a multipart form comes as `upload`, with this many files at most. */
  alsoAccepts?: Record<string, z.ZodType>;
  maxFiles?: number;
  /** The one of these whose body the handler reads from `raw` by itself, honouring Idempotency-Key too. */
  streams?: string;
  responses: Record<number, { description: string; schema?: z.ZodType; mediaType?: string }>;
  /** Honours Idempotency-Key. */
  creates?: boolean;
  /** Leaves an entry in the audit log; when left out, as every change that takes an admin does. */
  audited?: boolean;
  handler: (request: RouteRequest<P, Q, B>) => Promise<Reply>;
}

export type AnyRoute = RouteSpec<z.ZodType, z.ZodType, z.ZodType>;

/** One declaration a route: the schemas that validate it are the ones that document it. */
export function route<
  P extends Schema = undefined,
  Q extends Schema = undefined,
  B extends Schema = undefined,
>(spec: RouteSpec<P, Q, B>): AnyRoute {
  return spec as unknown as AnyRoute;
}

const nothing = z.strictObject({});

/** Checks what came in against the route's schemas. Throws `validation_failed` with every problem and where it is. */
export function validate(spec: AnyRoute, raw: Request): { params: unknown; query: unknown; body: unknown } {
  const problems: InputProblem[] = [];
  const check = (schema: z.ZodType, value: unknown, prefix: string) => {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    problems.push(...describeIssues(parsed.error, prefix));
    return undefined;
  };
  const params = check(spec.params ?? nothing, raw.params, '/path');
  const query = check(spec.query ?? nothing, raw.query, '/query');
  const body = spec.body && !readsRaw(spec, raw) ? check(spec.body, raw.body, '') : undefined;
  if (problems.length > 0) {
    // An id that is no uuid names nothing: say "not found" rather than "invalid".
    if (problems.every(({ pointer }) => pointer.startsWith('/path')))
      throw new AppError('not_found', 'There is no such resource.');
    throw new AppError('validation_failed', summary(problems), { errors: problems });
  }
  return { params, query, body };
}

export function readsRaw(spec: AnyRoute, raw: Request): boolean {
  return Object.keys(spec.alsoAccepts ?? {}).some((type) => raw.is(type) !== false && raw.is(type) !== null);
}

export function describeIssues(error: z.ZodError, prefix: string): InputProblem[] {
  return error.issues.flatMap((issue) => {
    const at = `${prefix}${issue.path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')}`;
    if (issue.code !== 'unrecognized_keys') return [{ pointer: at, message: issue.message }];
    return issue.keys.map((key) => ({
      pointer: `${at}/${key}`,
      message: `"${key}" is not a known field: remove it`,
    }));
  });
}

function summary(problems: InputProblem[]): string {
  const [first] = problems as [InputProblem, ...InputProblem[]];
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return `${first.pointer === '' ? 'The body' : first.pointer}: ${first.message}${more}`;
}
