import { z } from 'zod';
import { type Access, mayCallTool, toolMatches, toolPattern } from '../../src/access.ts';
import { type Scope, scopes } from '../../src/db/api-keys.ts';
import type { SchemaChecks } from './schema-check.ts';
import { type Arguments, builtinServer } from './tool.ts';

/** A tool, or with `*` at its end all whose names begin so; from which scope of a key on. */
export interface Allowed {
  pattern: string;
  scope: Scope;
}

/** `TOOL_WHITELIST`: `server.tool`, `server.*` or `*`, each with `@scope` behind it or not; undefined where it is not of that form. */
export function readAllowList(list: string): Allowed[] | undefined {
  const entries = list.split(',').map((entry) => entry.trim());
  const read = entries.filter(Boolean).map((entry): Allowed | undefined => {
    const [pattern = '', scope = 'read', ...more] = entry.split('@');
    const known = scopes.find((one) => one === scope);
    return known && toolPattern.test(pattern) && more.length === 0 ? { pattern, scope: known } : undefined;
  });
  return read.every((entry) => entry !== undefined) ? read : undefined;
}

const longest = 10_000;
const rule = z.strictObject({
  schema: z.record(z.string(), z.unknown()).optional(),
  max_length: z.int().min(1).max(longest).optional(),
  deny: z.array(z.string().refine(isPattern, 'must be a regular expression')).optional(),
});
const rules = z.record(z.string().regex(toolPattern), rule);
export type Rules = z.output<typeof rules>;

/**
 * `TOOL_RULES`, JSON: tool or pattern → `schema` that the arguments must pass beside the tool's own, `max_length` of every text
 * in them, `deny`: expressions that no text in them may match. Throws an Error that says what is wrong.
 */
export function readRules(text: string): Rules {
  const parsed = rules.safeParse(JSON.parse(text));
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
  return parsed.data;
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 'iu') instanceof RegExp;
  } catch {
    return false;
  }
}

export interface Caller {
  scope: Scope;
  access?: Access | undefined;
}

export interface Installation {
  production: boolean;
  allowList: readonly Allowed[];
}

export interface Decision {
  allowed: boolean;
  /** One word, as it stands in the log of calls. */
  reason: 'builtin' | 'listed' | 'not_listed' | 'scope' | 'key' | 'rule';
}

/**
 * Whether a tool may be called at all. Denied unless it is allowed: with the policy on, what the list names, from the scope that
 * it names on; with it off, our own tools, and in development what the list names, too. Without a list the policy leaves our own
 * tools in development and nothing in production. A key that is restricted to tools may use those alone.
 */
export function decide(
  tool: string,
  policyOn: boolean,
  { scope, access }: Caller,
  { production, allowList }: Installation,
): Decision {
  if (!mayCallTool(access, tool)) return { allowed: false, reason: 'key' };
  const ours = tool.startsWith(`${builtinServer}.`);
  const listed = allowList.filter(({ pattern }) => toolMatches(pattern, tool));
  const oursPass = policyOn ? !production && allowList.length === 0 : true;
  if (ours && oursPass) return { allowed: true, reason: 'builtin' };
  if (listed.length === 0 || (production && !policyOn)) return { allowed: false, reason: 'not_listed' };
  const enough = listed.some((entry) => scopes.indexOf(scope) >= scopes.indexOf(entry.scope));
  return enough ? { allowed: true, reason: 'listed' } : { allowed: false, reason: 'scope' };
}

/** Whether the arguments break a rule of the operator's. */
export function breaksRule(tool: string, given: Arguments, all: Rules, checks: SchemaChecks): boolean {
  const texts = textsIn(given);
  return Object.entries(all)
    .filter(([pattern]) => toolMatches(pattern, tool))
    .some(([, { schema, max_length: most, deny = [] }]) => {
      if (most !== undefined && texts.some((text) => text.length > most)) return true;
      if (deny.some((form) => texts.some((text) => new RegExp(form, 'iu').test(text)))) return true;
      // A schema that can't be checked lets nothing through.
      return schema !== undefined && checks.of(schema, { trusted: true })?.(given) !== null;
    });
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...textsIn(inner)]);
}
