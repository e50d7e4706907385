import { analyze, analyzeQuestion, hearText } from '../../../src/retrieval/analyze.ts';
import type { Passage, QueryAnalysis } from '../../../src/retrieval/passage.ts';

/** A text of a document version with the part of it that is the passage: offsets are those of `text` in `version`. */
export interface Placed {
  version: string;
  passage: Passage;
}

/** A passage whose text stands in a longer version text, behind `before`. */
export function place(
  text: string,
  more: Partial<Passage> & { before?: string; after?: string } = {},
): Placed {
  const { before = 'Foreword 🙂 머리말.\n\n', after = '\n\n끝. The end.', ...fields } = more;
  const passage: Passage = {
    chunkSeq: 1,
    chunkId: `chunk-${text.slice(0, 8)}`,
    documentId: `document-${text.slice(0, 8)}`,
    version: 1,
    n: 0,
    page: null,
    heading: null,
    context: null,
    parts: [],
    title: null,
    sourceUrl: null,
    author: null,
    date: null,
    contentType: 'text/plain',
    language: null,
    taxonomyPath: [],
    metadata: {},
    score: 1,
    keywordScore: 1,
    vectorScore: null,
    rerankScore: null,
    ...fields,
    text,
    start: before.length,
    end: before.length + text.length,
  };
  return { version: before + text + after, passage };
}

/** The question's words and sounds, all of one weight unless a corpus is given to count them in. */
export function analysisOf(question: string, corpus: readonly string[] = []): QueryAnalysis {
  const texts = corpus.map((text) => hearText(text).held);
  const count = (word: string) => {
    const df = texts.filter((text) => text.has(word)).length;
    return { df, idf: Math.log(1 + (texts.length - df + 0.5) / (df + 0.5)) };
  };
  const asked = analyzeQuestion(question);
  const words = [...new Set(asked.words)].map((word) => ({ word, idf: count(word).idf }));
  const sounds = [...asked.sounds].flatMap(([sound, word]) => {
    const { df, idf } = count(sound);
    return df === 0 ? [] : [{ sound, words: analyze(word).words, idf }];
  });
  return { language: 'en', words, sounds, vectorWeight: 0, rerank: null, notes: [] };
}

export function pick<T>(random: () => number, from: readonly T[]): T {
  const chosen = from[Math.floor(random() * from.length)];
  if (chosen === undefined) throw new RangeError('Nothing to pick from.');
  return chosen;
}
