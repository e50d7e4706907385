import { describe, expect, it } from 'vitest';
import { parsers } from '../../../workers/ingestion/parsers/registry.ts';
import { readDocuments } from '../../../workers/ingestion/read-documents.ts';

/** The texts that come of a file whose bytes arrive in parts of `size`. */
async function textsOf(bytes: Uint8Array, fileName: string, size = 100_000): Promise<string[]> {
  const parts = async function* () {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  };
  const texts: string[] = [];
  for await (const { document } of readDocuments(parts(), { fileName }, parsers)) texts.push(document.text);
  return texts;
}

const lines = (count: number) =>
  Array.from({ length: count }, (_, n) => `${n} 척의 배가 항구를 지났다: ships of the night.\n`).join('');

describe('readDocuments', () => {
  it('reads a small file as one document', async () => {
    expect(await textsOf(Buffer.from('Tea is served.\n'), 'a.txt', 3)).toEqual(['Tea is served.']);
  });

  it('reads a large text in pieces of whole lines, the same wherever its parts are cut', async () => {
    const text = lines(50_000);
    const texts = await textsOf(Buffer.from(text), 'a.txt', 99_991);
    expect(texts.length).toBeGreaterThan(2);
    expect(`${texts.join('\n')}\n`).toBe(text);
  });

  it('ends a piece behind an empty line where one is near', async () => {
    const text = Array.from({ length: 500 }, () => lines(100)).join('\n');
    const texts = await textsOf(Buffer.from(text), 'a.txt', 99_991);
    expect(texts.length).toBeGreaterThan(2);
    expect(`${texts.join('\n\n')}\n`).toBe(text);
  });

  it('reads other formats, and text with two bytes a character, as a whole', async () => {
    const text = lines(30_000);
    expect(await textsOf(Buffer.from(text, 'utf16le'), 'a.txt')).toEqual([text.trimEnd()]);
    expect(await textsOf(Buffer.from(`# Ships\n\n${text}`), 'a.md')).toEqual([
      `# Ships\n\n${text.trimEnd()}`,
    ]);
  });

  it('cuts a text without any white space between characters', async () => {
    const word = '등대'.repeat(900_000);
    const texts = await textsOf(Buffer.from(word), 'a.txt');
    expect(texts.length).toBeGreaterThan(1);
    expect(texts.join('')).toBe(word);
  });
});
