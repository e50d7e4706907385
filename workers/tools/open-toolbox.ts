import type { Config } from '../../src/config.ts';
import { keepToolServers, saveToolServer } from '../../src/db/tool-servers.ts';
import type { Foundation } from '../../src/service.ts';
import type { WorkerConfig } from '../config.ts';
import { decide, readAllowList } from './policy.ts';
import { builtinServer } from './tool.ts';
import { createToolbox, type Toolbox } from './toolbox.ts';

type Settings = Pick<Config, 'ENVIRONMENT'> & WorkerConfig;

/** A child may take longer to start than an answer waits for: then the next answer finds it connected. */
const leastConnectMs = 15_000;

/** What the policy goes by. */
export function installationOf({ ENVIRONMENT, TOOL_WHITELIST }: Settings) {
  const production = ENVIRONMENT === 'production' || ENVIRONMENT === 'staging';
  return { production, allowList: readAllowList(TOOL_WHITELIST) ?? [] };
}

/** The tools of this process. What it finds of their servers is noted for operators; nothing waits for that. */
export async function openToolbox(
  { db, log, shutdown }: Pick<Foundation, 'db' | 'log' | 'shutdown'>,
  config: Settings,
): Promise<Toolbox> {
  const shown = (tools: readonly { name: string; description: string }[]) =>
    tools.map(({ name, description }) => ({ name, description, allowed: allowedOf(name, config) }));
  const notes = new Set<Promise<void>>();
  const toolbox = createToolbox(config.mcpServers, {
    maxBytes: config.TOOL_RESULT_BYTES,
    connectMs: Math.max(leastConnectMs, config.TOOL_TIMEOUT_MS),
    onChange: (state) => {
      if (state.condition === 'failed') log.warn({ server: state.name, detail: state.detail }, 'tool server');
      const note = saveToolServer(db, { ...state, tools: shown(state.tools) })
        .catch((err) => log.warn({ err }, 'the state of a tool server could not be noted'))
        .finally(() => notes.delete(note));
      notes.add(note);
    },
  });
  shutdown.add('tools', async () => {
    await toolbox.close();
    await Promise.all(notes);
  });
  const nothing = { detail: null, refused: [] };
  const ours = { ...nothing, name: builtinServer, kind: 'builtin', condition: 'ready' } as const;
  const own = { ...ours, tools: shown(toolbox.builtin) };
  const unopened = config.mcpServers.map(({ name, kind }) => ({
    ...{ ...nothing, name, kind, tools: [], condition: 'unopened' as const },
  }));
  await keepToolServers(db, [own, ...unopened]);
  // What may be called is another matter since the configuration changed.
  await saveToolServer(db, own);
  return toolbox;
}

function allowedOf(tool: string, config: Settings) {
  const installation = installationOf(config);
  const passes = (policyOn: boolean) => decide(tool, policyOn, { scope: 'admin' }, installation).allowed;
  return { policy_on: passes(true), policy_off: passes(false) };
}
