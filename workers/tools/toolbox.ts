import { builtinTools } from './builtin.ts';
import { createMcpServer, type McpServer, type ServerState } from './mcp-server.ts';
import { createSchemaChecks, type SchemaChecks } from './schema-check.ts';
import type { ServerSettings } from './server-settings.ts';
import { builtinServer, type Tool, ToolFault } from './tool.ts';

/** Every tool that there is: our own, and those of the servers of the configuration. */
export interface Toolbox {
  checks: SchemaChecks;
  /** Names of all servers, `builtin` among them. */
  servers: readonly string[];
  /** Our own tools. */
  builtin: readonly Tool[];
  /** Throws ToolFault `unknown_tool`, or what is wrong with its server; the signal's reason. */
  find(name: string, signal: AbortSignal): Promise<Tool>;
  /** All of these servers, or of all, that can be called now; servers that can't be reached are left out. */
  list(signal: AbortSignal, wanted?: (server: string) => boolean): Promise<Tool[]>;
  close(): Promise<void>;
}

export interface ToolboxOptions {
  maxBytes: number;
  connectMs: number;
  onChange?(state: ServerState): void;
}

/** How long a list of a server's tools is believed; servers that say that theirs changed are asked at once. */
const listMs = 60_000;

export function createToolbox(
  settings: readonly ServerSettings[],
  { onChange = () => undefined, ...limits }: ToolboxOptions,
): Toolbox {
  const checks = createSchemaChecks();
  const builtin = builtinTools(checks);
  const servers = new Map<string, McpServer>(
    settings.map((one) => [one.name, createMcpServer(one, { ...limits, checks, listMs, onChange })]),
  );
  return {
    checks,
    builtin,
    servers: [builtinServer, ...servers.keys()],
    find: async (name, signal) => {
      const [serverName = ''] = name.split('.', 1);
      const server = servers.get(serverName);
      const tools = serverName === builtinServer ? builtin : await server?.tools(signal);
      const tool = tools?.find((one) => one.name === name);
      if (tool) return tool;
      throw new ToolFault('unknown_tool', 'There is no such tool.');
    },
    list: async (signal, wanted = () => true) => {
      const asked = [...servers.values()].filter(({ name }) => wanted(name));
      const lists = await Promise.allSettled(asked.map((server) => server.tools(signal)));
      return [...builtin, ...lists.flatMap((list) => (list.status === 'fulfilled' ? list.value : []))];
    },
    close: async () => {
      await Promise.all([...servers.values()].map((server) => server.close()));
    },
  };
}
