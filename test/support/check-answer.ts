import { expect } from 'vitest';
import type { Client, Json } from './service.ts';

/** Every source of the answer stands where it says, and every span of the answer is one that ends before its marker. */
export async function expectVerified(client: Client, answer: Json): Promise<void> {
  expect(answer.source_count).toBe(answer.sources.length);
  for (const source of answer.sources) {
    const { text } = await client.get(
      `/api/v1/documents/${source.document_id}/versions/${source.version}/text`,
    );
    expect(source.quote.length).toBeGreaterThan(0);
    expect(text.slice(...source.char_range)).toBe(source.quote);
    expect(source.text).toContain(source.quote);
    expect(source.verified).toBe(true);
    expect(source.answer_spans.length).toBeGreaterThan(0);
    for (const [start, end] of source.answer_spans) {
      expect(answer.answer.slice(start, end).trim().length).toBeGreaterThan(0);
      expect(answer.answer.slice(end)).toMatch(new RegExp(`^(?: \\[\\d+\\])*? \\[${source.n}\\]`));
    }
  }
  const markers = new Set([...answer.answer.matchAll(/\[(\d+)\]/g)].map(([, n]) => Number(n)));
  expect([...markers].sort()).toEqual(answer.sources.map(({ n }: Json) => n).sort());
}
