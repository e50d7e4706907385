import { describe, expect, it } from 'vitest';
import { packed, unpacked } from '../../../workers/ingestion/packed-chunk.ts';
import { givenText, prepareDocument } from '../../../workers/ingestion/prepare-document.ts';

function chunksOf(text: string) {
  return [...prepareDocument(givenText(text), { title: null, size: 500, overlap: 128 }).chunks];
}

describe('a packed chunk', () => {
  it.each(['Tea is served, tea is drunk.', '차와 커피를 마신다. Tea at 10:30.', '***'])(
    'is the chunk again once unpacked: %s',
    (text) => {
      const chunks = chunksOf(text);
      expect(chunks.length).toBeGreaterThan(0);
      expect(structuredClone(chunks.map(packed)).map(unpacked)).toEqual(chunks);
    },
  );

  it('has a line for each word and a number for each line', () => {
    const [chunk] = chunksOf('Tea and tea and cake.');
    const { words, frequencies } = packed(chunk as NonNullable<typeof chunk>);
    expect(words.split('\n')).toEqual(chunk?.words);
    expect(frequencies.split(',').map(Number)).toEqual(chunk?.frequencies);
  });
});
