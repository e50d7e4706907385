import { z } from 'zod';
import { builtinServer } from './tool.ts';

const serverName = z
  .string()
  .regex(/^[A-Za-z0-9][\w-]{0,39}$/, 'must be 1 to 40 letters, digits, _ or -, as the key of a server')
  .refine((name) => name !== builtinServer, `${builtinServer} is the name of the tools of our own`);

const variable = z.string().regex(/^\w+$/, 'must be the name of an environment variable');
const stdio = z.strictObject({
  command: z.string().min(1),
  args: z.array(z.string()).default([]),
  /** Names of variables of the worker's environment that the child is to have. */
  env: z.array(variable).default([]),
  cwd: z.string().min(1).optional(),
});
const http = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: 'must be an http(s) URL' }),
  /** Header → name of the variable of the worker's environment that holds its value. */
  headers: z.record(z.string().regex(/^[\w-]+$/), variable).default({}),
});
const file = z.record(z.string(), z.record(z.string(), z.unknown()));

export type ServerSettings =
  | {
      name: string;
      kind: 'stdio';
      command: string;
      args: string[];
      env: Record<string, string>;
      cwd?: string;
    }
  | { name: string; kind: 'http'; url: string; headers: Record<string, string> };

/**
 * `MCP_SERVERS` as JSON: `{"name": {"command": …, "args": […], "env": ["NAME"]} | {"url": …, "headers": {"Header": "NAME"}}}`,
 * as it is or under `mcpServers`. Secrets stand in variables of their own, which are named. Throws an Error that says what is
 * wrong.
 */
export function readServerSettings(
  text: string,
  environment: Record<string, string | undefined>,
): ServerSettings[] {
  const given = fromJson(text);
  const named =
    typeof given === 'object' && given !== null && 'mcpServers' in given ? given.mcpServers : given;
  const secretOf = (name: string): string => {
    const value = environment[name];
    if (value === undefined || value === '')
      throw new Error(`it names the variable ${name}, which is not set`);
    return value;
  };
  return Object.entries(checked(file, named)).map(([name, server]): ServerSettings => {
    checked(serverName, name, name);
    if ('url' in server) {
      const { headers, url } = checked(http, server, name);
      const filled = Object.entries(headers).map(([header, from]) => [header, secretOf(from)]);
      return { name, kind: 'http', url, headers: Object.fromEntries(filled) };
    }
    const { args, command, cwd, env } = checked(stdio, server, name);
    const filled = Object.fromEntries(env.map((from) => [from, secretOf(from)]));
    return { name, kind: 'stdio', command, args, env: filled, ...(cwd === undefined ? {} : { cwd }) };
  });
}

function checked<S extends z.ZodType>(schema: S, value: unknown, server?: string): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Error(`${server === undefined ? '' : `${server}: `}${z.prettifyError(parsed.error)}`);
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`it is not valid JSON: ${(error as Error).message}`);
  }
}
