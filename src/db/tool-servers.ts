import type { Db } from './connect.ts';

export interface ToolServerRow {
  name: string;
  kind: 'builtin' | 'stdio' | 'http';
  condition: 'unopened' | 'ready' | 'failed';
  detail: string | null;
  /** `allowed`: with the flag tools_policy and without it, to a key of scope admin. */
  tools: { name: string; description: string; allowed: { policy_on: boolean; policy_off: boolean } }[];
  refused: { name: string; reason: string }[];
  updated_at: Date;
}

export async function saveToolServer(db: Db, server: Omit<ToolServerRow, 'updated_at'>): Promise<void> {
  const { tools, refused, ...row } = server;
  await db('tool_servers')
    .insert({
      ...row,
      tools: JSON.stringify(tools),
      refused: JSON.stringify(refused),
      updated_at: db.fn.now(),
    })
    .onConflict('name')
    .merge();
}

/** Notes servers of the configuration that nobody has connected to yet, and forgets those that are not in it any more. */
export async function keepToolServers(db: Db, servers: Omit<ToolServerRow, 'updated_at'>[]): Promise<void> {
  const names = servers.map(({ name }) => name);
  await db('tool_servers').whereNotIn('name', names).delete();
  for (const server of servers) {
    const { tools, refused, ...row } = server;
    await db('tool_servers')
      .insert({ ...row, tools: JSON.stringify(tools), refused: JSON.stringify(refused) })
      .onConflict('name')
      .ignore();
  }
}

export async function listToolServers(db: Db): Promise<ToolServerRow[]> {
  return db('tool_servers').orderBy('name').select();
}
