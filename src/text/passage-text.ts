/** What is said once above many chunks and holds for each of them. */
export interface ChunkAbout {
  /** Of its document. */
  title: string | null;
  /** The headings above it, outermost first. */
  heading: string | null;
  /** The header row of the table, or the lead-in of the list, in whose midst the chunk begins. */
  context: string | null;
}

export interface ContextualChunk extends ChunkAbout {
  text: string;
}

export const chunkContexts = ['off', 'title', 'headings'] as const;
/** What stands before a passage when it is embedded: nothing, its document's title, or all that stands above it. */
export type ChunkContext = (typeof chunkContexts)[number];

/** Exactly what an embedding model reads of a chunk (`CHUNK_CONTEXT`): this text decides whether two chunks share a vector. */
export function passageText({ title, heading, context, text }: ContextualChunk, mode: ChunkContext): string {
  const above = { off: [], title: [title], headings: [title, heading, context] }[mode];
  return [...above, text].filter((part) => part).join('\n');
}

/** What the keyword index reads of a chunk: each must be found by what is said once for the whole document or section. */
export function indexedText(chunk: ContextualChunk): string {
  return passageText(chunk, 'headings');
}
