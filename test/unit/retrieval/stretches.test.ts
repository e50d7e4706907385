import { describe, expect, it } from 'vitest';
import type { PassageRow } from '../../../src/db/search.ts';
import { seededRandom } from '../../../src/evaluation/random.ts';
import {
  type FoundChunk,
  firstOf,
  joinNeighbours,
  lastOf,
  textOf,
} from '../../../src/retrieval/stretches.ts';
import { givenText, prepareDocument } from '../../../workers/ingestion/prepare-document.ts';
import { place } from '../answer/passages.ts';

/** The chunks of a text as search would find them. */
function rowsOf(text: string, size = 30, overlap = 10): PassageRow[] {
  const { passage } = place('x', { documentId: 'd' });
  const { chunks } = prepareDocument(givenText(text), { title: null, size, overlap });
  return [...chunks].map(({ start, end, gap, text: part, context }, n) => ({
    ...passage,
    ...{ chunkId: `c${n}`, n, start, end, gap, text: part, context, matched: [] },
  }));
}
const found = (row: PassageRow | undefined, score: number): FoundChunk => ({
  row: row as PassageRow,
  ...{ score, keyword: null, vector: null },
});

const texts = [
  'One sentence is here. '.repeat(40),
  `A line.\r\n\r\n\r\n   ${'Tab\there. Emoji 👩‍👩‍👧 too! '.repeat(30)}\n\n\nThe end.`,
  '한국어 문장이 이어집니다. 정말 그렇습니다.\n\n'.repeat(25),
  `## A\n\n${'Some words. '.repeat(30)}\n\n## B\n\n${'More words. '.repeat(30)}`,
  `${'가나다라'.repeat(200)} end`,
];

describe('joinNeighbours', () => {
  it.each(texts.map((text, i) => [i, text] as const))(
    'text %i: any order, exactly the version',
    (i, text) => {
      const rows = rowsOf(text, 30, i % 2 === 0 ? 10 : 0);
      const random = seededRandom(i);
      const shuffled = rows.map((row) => ({ row, at: random() })).sort((a, b) => a.at - b.at);
      const kept = shuffled.slice(0, Math.ceil(rows.length * 0.7));
      const stretches = joinNeighbours(
        kept.map(({ row }, rank) => found(row, 1 - rank / 1000)),
        Number.POSITIVE_INFINITY,
      );
      expect(stretches.flatMap(({ chunks }) => chunks)).toHaveLength(kept.length);
      for (const stretch of stretches) {
        expect(textOf(stretch.chunks)).toBe(text.slice(firstOf(stretch).start, lastOf(stretch).end));
        const scores = kept.flatMap(({ row }, rank) =>
          stretch.chunks.some(({ n }) => n === row.n) ? [1 - rank / 1000] : [],
        );
        expect(stretch.best.score).toBe(Math.max(...scores));
      }
      const present = new Set(kept.map(({ row }) => row.n));
      for (const stretch of stretches) expect(present.has(lastOf(stretch).n + 1)).toBe(false);
    },
  );

  it('joins two stretches when the chunk between them comes, and stops at enough', () => {
    const rows = rowsOf(texts[0] ?? '');
    const order = [0, 2, 8, 1, 5, 3].map((n, i) => found(rows[n], 1 - i / 10));
    const spans = (enough: number) =>
      joinNeighbours(order, enough).map(({ chunks }) => chunks.map(({ n }) => n));
    expect(spans(3)).toEqual([[0, 1, 2, 3], [8], [5]]);
    expect(spans(2)).toEqual([[0], [2]]);
  });

  it('keeps apart what lies in different versions, what is not known and what would be too long', () => {
    const rows = rowsOf(texts[0] ?? '', 30, 0);
    const [a, b] = rows as [PassageRow, PassageRow];
    const apart = (one: PassageRow, other: PassageRow) => joinNeighbours([found(one, 1), found(other, 1)], 9);
    expect(apart(a, b)).toHaveLength(1);
    expect(apart(a, { ...b, version: 2 })).toHaveLength(2);
    expect(apart(a, { ...b, documentId: 'e' })).toHaveLength(2);
    expect(apart(a, { ...b, gap: null })).toHaveLength(2);
    expect(apart(a, { ...b, end: a.start + 8_001 })).toHaveLength(2);
  });
});
