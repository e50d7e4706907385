import type { Tool as ListedTool } from '@modelcontextprotocol/sdk/types.js';
import { findSuspicions } from '../answer/suspicion.ts';
import type { CallTool } from './mcp-server.ts';
import type { SchemaChecks } from './schema-check.ts';
import type { Session } from './session.ts';
import type { Tool } from './tool.ts';

export interface Listing {
  tools: Tool[];
  refused: { name: string; reason: string }[];
}

const mostTools = 200;
const mostPages = 10;
const longestDescription = 1000;

interface Of {
  /** Of the server. */
  name: string;
  checks: SchemaChecks;
  connectMs: number;
  call: CallTool;
}

/** What the server has now, page by page. Tools with names, schemas or descriptions that can't be trusted are not offered. */
export async function listTools({ client, ended }: Session, of: Of): Promise<Listing> {
  const { ListToolsResultSchema } = await import('@modelcontextprotocol/sdk/types.js');
  const listing: Listing = { tools: [], refused: [] };
  let cursor: string | undefined;
  for (let page = 0; page < mostPages && listing.tools.length < mostTools; page += 1) {
    const params = cursor === undefined ? {} : { cursor };
    const found = await client.request({ method: 'tools/list', params }, ListToolsResultSchema, {
      ...{ signal: ended, timeout: of.connectMs, maxTotalTimeout: of.connectMs },
    });
    for (const listed of found.tools.slice(0, mostTools - listing.tools.length)) {
      const reason = problemOf(listed, listing, of);
      if (reason) listing.refused.push({ name: listed.name.slice(0, 64), reason });
      else listing.tools.push(toTool(listed, of));
    }
    cursor = found.nextCursor;
    if (cursor === undefined) break;
  }
  listing.refused.splice(mostTools);
  return listing;
}

/** A description is read by the model that plans: orders to it are as little welcome there as in a document. */
function problemOf(listed: ListedTool, { tools }: Listing, of: Of): string | undefined {
  if (!/^[\w./-]{1,64}$/.test(listed.name)) return 'Its name is not of letters, digits, _ . / and -.';
  if (tools.some(({ name }) => name === `${of.name}.${listed.name}`))
    return 'There is another one of that name.';
  if (!of.checks.of(listed.inputSchema)) return 'The schema of its arguments is too long or not valid.';
  if (listed.outputSchema && !of.checks.of(listed.outputSchema))
    return 'The schema of its result is too long or not valid.';
  const said = [listed.title, listed.description, JSON.stringify(listed.inputSchema)]
    .filter(Boolean)
    .join('\n');
  const [suspicion] = findSuspicions(said);
  return suspicion && `Its description seems to be aimed at a language model (${suspicion}).`;
}

function toTool(listed: ListedTool, { name: server, checks, call }: Of): Tool {
  const { inputSchema, description = listed.title ?? '' } = listed;
  return {
    ...{ name: `${server}.${listed.name}`, server, inputSchema },
    description: description.slice(0, longestDescription),
    check: (given) => checks.of(inputSchema)?.(given) ?? null,
    call: (given, options) => call(listed, given, options),
  };
}
