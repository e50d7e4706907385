import type { PreparedChunk } from './prepare-document.ts';

/**
 * A chunk as it goes from process to process and into the database: its words one a line, their frequencies with commas
 * between. Of a window there are a hundred thousand words, each of them an object for whoever reads the message.
 */
export interface PackedChunk extends Omit<PreparedChunk, 'words' | 'frequencies'> {
  words: string;
  frequencies: string;
}

export function packed(chunk: PreparedChunk): PackedChunk {
  return { ...chunk, words: chunk.words.join('\n'), frequencies: chunk.frequencies.join(',') };
}

export function unpacked(chunk: PackedChunk): PreparedChunk {
  const { words, frequencies } = chunk;
  if (words === '') return { ...chunk, words: [], frequencies: [] };
  return { ...chunk, words: words.split('\n'), frequencies: frequencies.split(',').map(Number) };
}
