import { sha256 } from '../../src/fingerprint.ts';
import type { Passage } from '../../src/retrieval/passage.ts';
import { modes, questionKinds } from './intent.ts';
import { writePrompt } from './prompt.ts';

const sample: Passage = {
  ...{ chunkSeq: 1, chunkId: 'chunk', documentId: 'document', version: 1, n: 0, start: 0, end: 4, page: 1 },
  ...{ parts: [], heading: 'heading', context: 'context', text: 'text', title: 'title', sourceUrl: 'url' },
  ...{ author: 'author', date: 'date', contentType: 'text/plain', language: 'en', taxonomyPath: [] },
  ...{ metadata: {}, score: 1, keywordScore: 1, vectorScore: 1, rerankScore: 1 },
};

/** Another one for every change of the wording that a model is asked with: what a sample question would be sent as, in every mode, kind and language. */
export function promptVersion(): string {
  const prompts = modes.flatMap((mode) =>
    questionKinds.flatMap((kind) =>
      (['ko', 'en', 'und'] as const).map((language) =>
        writePrompt(
          'question',
          {
            language,
            mode,
            kind,
            wantsSeveral: false,
            needsSources: false,
            answerType: 'other',
            unsupported: 'drop',
          },
          [sample],
          { boundary: 'a boundary', instructions: 'instructions' },
        ),
      ),
    ),
  );
  return sha256(JSON.stringify(prompts)).slice(0, 16);
}
