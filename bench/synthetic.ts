import { seededRandom } from '../src/evaluation/random.ts';
/**
 * A corpus that does not exist, the same for the same seed: texts whose words follow Zipf's law, two thirds English and one
 * third Korean with particles, in topics that prefer words of their own; vectors that lie around the centre of their topic
 * in a space of 48 true dimensions, as those of embedding models do, rather than uniform noise, where nothing is near.
 */
export interface SyntheticChunk {
  text: string;
  vector: Float32Array;
}

export interface SyntheticQuery {
  text: string;
  vector: Float32Array;
}

export interface Synthetic {
  /** The next chunk; every call goes on where the last one ended. */
  chunk(): SyntheticChunk;
  /** A question of four to eight words of a chunk, and a vector near that chunk's. */
  query(chunk: SyntheticChunk): SyntheticQuery;
}

export interface SyntheticOptions {
  seed: number;
  dimensions: number;
  /** Mean length of a chunk, in words. */
  length: number;
}

const topics = 300;
const vocabularySize = 30_000;
const topicWords = 300;
const trueDimensions = 48;
/** Share of words that a topic chooses; the others are anybody's. */
const topical = 0.5;

export function createSynthetic({ seed, dimensions, length }: SyntheticOptions): Synthetic {
  const random = seededRandom(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const languages = [englishWords(random), koreanWords(random)] as const;
  const anyWord = zipf(vocabularySize, 1.05, random, 20);
  const topicWord = zipf(topicWords, 0.8, random);
  const projection = Array.from({ length: trueDimensions }, () =>
    Float32Array.from({ length: dimensions }, normal),
  );
  const centres = Array.from({ length: topics }, () => ({
    place: Float64Array.from({ length: trueDimensions }, normal),
    korean: random() < 1 / 3,
    words: Uint32Array.from({ length: topicWords }, () => Math.floor(random() * vocabularySize)),
  }));
  const spread = (place: Float64Array, by: number) => place.map((value) => value + by * normal());
  const embed = (place: Float64Array): Float32Array => {
    const vector = Float32Array.from({ length: dimensions }, () => 0.3 * normal());
    place.forEach((value, i) => {
      const axis = projection[i] as Float32Array;
      for (let d = 0; d < dimensions; d++) vector[d] = (vector[d] as number) + value * (axis[d] as number);
    });
    const norm = Math.hypot(...vector);
    return vector.map((value) => value / norm);
  };
  const places = new WeakMap<SyntheticChunk, Float64Array>();
  return {
    chunk: () => {
      const centre = centres[Math.floor(random() * topics)] as (typeof centres)[number];
      const vocabulary = languages[centre.korean ? 1 : 0];
      const count = Math.max(5, Math.round(length * Math.exp(0.5 * normal() - 0.125)));
      const words = Array.from({ length: count }, () => {
        const rank = random() < topical ? centre.words[topicWord()] : anyWord();
        const word = vocabulary[rank as number] as string;
        return centre.korean ? word + particles[Math.floor(random() * particles.length)] : word;
      });
      const place = spread(centre.place, 0.7);
      const chunk = { text: words.join(' '), vector: embed(place) };
      places.set(chunk, place);
      return chunk;
    },
    query: (chunk) => {
      const words = chunk.text.split(' ');
      const count = 4 + Math.floor(random() * 5);
      const text = Array.from({ length: count }, () => words[Math.floor(random() * words.length)]).join(' ');
      return { text, vector: embed(spread(places.get(chunk) as Float64Array, 0.3)) };
    },
  };
}

/**
 * Draws ranks 0…size − 1 with probability ∝ 1 / (rank + 1 + offset)^exponent: Mandelbrot's form of Zipf's law. With an offset of
 * 20 the commonest word stands in a fifth of the chunks, as where stop words are not indexed.
 */
function zipf(size: number, exponent: number, random: () => number, offset = 0): () => number {
  const cumulative = new Float64Array(size);
  let sum = 0;
  for (let rank = 0; rank < size; rank++) {
    sum += 1 / (rank + 1 + offset) ** exponent;
    cumulative[rank] = sum;
  }
  return () => {
    const target = random() * sum;
    let [low, high] = [0, size - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulative[middle] as number) < target) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

const onsets = 'b c d f g h j k l m n p r s t v w br cl dr fl gr pl pr sh st th tr'.split(' ');
const nuclei = 'a e i o u ai ea io ou'.split(' ');
const codas = ['', '', 'n', 'r', 's', 't', 'l', 'm', 'nd', 'ck'];
const particles = ['', '', '은', '는', '이', '가', '을', '를', '에', '에서', '으로', '와', '의', '도'];

function englishWords(random: () => number): string[] {
  const pick = (list: readonly string[]) => list[Math.floor(random() * list.length)] as string;
  return distinct(() => {
    let word = '';
    for (let n = 1 + Math.floor(random() * 3); n >= 0; n--) word += pick(onsets) + pick(nuclei) + pick(codas);
    return word;
  });
}

function koreanWords(random: () => number): string[] {
  // A few hundred syllables make up most of written Korean.
  const syllables = Array.from({ length: 500 }, () =>
    String.fromCodePoint(0xac00 + Math.floor(random() * 11_172)),
  );
  const syllable = zipf(syllables.length, 0.6, random);
  return distinct(() =>
    Array.from({ length: 2 + Math.floor(random() * 3) }, () => syllables[syllable()]).join(''),
  );
}

function distinct(make: () => string): string[] {
  const words = new Set<string>();
  while (words.size < vocabularySize) words.add(make());
  return [...words];
}
