import { describe, expect, it } from 'vitest';
import type { Dataset } from '../../../eval/dataset.ts';
import { joinPassages } from '../../../eval/join.ts';
import { readFound } from '../../../eval/reading.ts';

const gold = { strings: ['tea', 'coffee'], each: false };
const judged = new Map([
  ['p#b', 1],
  ['p#a', 2],
]);
const dataset: Dataset = {
  name: 'pages',
  corpus: [
    { _id: 'p#a', title: 'Drinks > Hot', text: 'Green tea is hot.' },
    { _id: 'p#b', title: 'Drinks > Hot > 커피', text: ' Coffee, too.' },
    { _id: 'q', title: 'Food', text: 'Bread.' },
  ],
  queries: [{ id: '1', text: 'what is hot?', judged, gold }],
};

describe('joined passages', () => {
  it('stand in their documents where their places say, judged by document', () => {
    const { dataset: joined, places } = joinPassages(dataset, /^(p)#/);
    expect(joined.corpus.map(({ _id, title }) => [_id, title])).toEqual([
      ['p', 'Drinks'],
      ['q', 'Food'],
    ]);
    const { start = 0, end = 0, document } = places.get('p#b') ?? {};
    expect(document).toBe('p');
    expect(joined.corpus[0]?.text.slice(start, end)).toBe('### 커피\n\nCoffee, too.');
    expect(joined.queries[0]?.judged).toEqual(new Map([['p', 2]]));
  });
});

describe('what was found', () => {
  const text = 'Green tea is hot, they say.';
  const found = [
    { document: 'p', text: text.slice(0, 17), range: [0, 17] as [number, number] },
    { document: 'p', text: text.slice(10, 27), range: [10, 27] as [number, number] },
    { document: 'q', text: 'Bread.', range: [0, 6] as [number, number] },
  ];

  it('is read once where passages overlap, in the judged document alone', () => {
    const place = { document: 'p', start: 5, end: 45 };
    const query = { ...dataset.queries[0], gold } as Dataset['queries'][number];
    expect(readFound(query, found, [place])).toEqual({ gold: 1, covered: 22 / 40, characters: 40 });
    expect(readFound({ ...query, gold: { ...gold, each: true } }, found, [place]).gold).toBe(0.5);
    expect(readFound(query, [], [place])).toEqual({ gold: 0, covered: 0, characters: 0 });
  });
});
