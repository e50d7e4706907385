/** A named scope: where is looked, how, and what is said to language models. */
export interface Assistant {
  id: string;
  name: string;
  /** Taxonomy path prefixes; none: everything that the asking key sees. */
  canonical_in: string[][];
  /** Where the question names none. */
  strategy: 'auto' | 'keyword' | 'vector' | 'hybrid';
  instructions: string | null;
  /** Names of tools that may be called for it; null: as for everybody. */
  tools: string[] | null;
}

/** The assistant as it was when the question was asked; stands with the question. */
export type AskedAssistant = Pick<Assistant, 'id' | 'name' | 'instructions' | 'tools'>;

/** Whether a tool may be called for the assistant; a name that ends in `*` stands for all that begin like it. */
export function mayCall(assistant: AskedAssistant | undefined, tool: string): boolean {
  const allowed = assistant?.tools;
  if (!allowed) return true;
  return allowed.some((name) => (name.endsWith('*') ? tool.startsWith(name.slice(0, -1)) : tool === name));
}

export function askedAssistant({ id, name, instructions, tools }: Assistant): AskedAssistant {
  return { id, name, instructions, tools };
}
