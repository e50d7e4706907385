import { randomUUID } from 'node:crypto';
import type { Passage } from '../../src/retrieval/passage.ts';
import { maskText } from '../../src/text/pii/mask.ts';
import type { Called } from '../tools/call-tool.ts';

/** Longest text of a tool that an answer is made of, characters: that of an expanded passage. */
export const longestToolText = 8000;

/** As it can be stored, with personal data masked where documents' is, and cut. */
export function readable(text: string, masks: boolean): string {
  const storable = text.replaceAll('\0', '').replace(/\p{Surrogate}/gu, '\ufffd');
  const cut = storable.length > longestToolText ? storable.slice(0, longestToolText) : storable;
  // A pair that the cut has halved.
  const whole = cut.replace(/\p{Surrogate}$/u, '');
  return masks ? maskText(whole).text : whole;
}

/** What a tool said, as something that can be read and cited like a passage of a document. */
export function toolPassage({ argumentsHash, calledAt, name }: Called, text: string): Passage {
  const id = randomUUID();
  return {
    ...{ chunkSeq: -1, chunkId: id, parts: [{ chunkId: id, start: 0, page: null }] },
    // Of no document: distinct, so that two tools are never taken for one source.
    ...{ documentId: `tool:${id}`, version: 0, n: 0, start: 0, end: text.length, text },
    ...{ page: null, heading: null, context: null, title: name, sourceUrl: null, author: null, date: null },
    ...{ contentType: 'text/plain', language: null, taxonomyPath: [], metadata: {} },
    ...{ score: 0, keywordScore: null, vectorScore: null, rerankScore: null },
    tool: { name, server: name.split('.', 1)[0] ?? '', argumentsHash, calledAt },
  };
}
