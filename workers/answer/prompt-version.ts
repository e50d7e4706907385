import type { CaseMatch } from '../../src/cases.ts';
import { sha256 } from '../../src/fingerprint.ts';
import type { Passage } from '../../src/retrieval/passage.ts';
import { agents, type Debating, writeAgentPrompt, writeSynthesisPrompt } from './debate-prompts.ts';
import { type Intent, modes, questionKinds, readIntent } from './intent.ts';
import { writePlanPrompt } from './plan-prompt.ts';
import { writePrompt } from './prompt.ts';

const sample: Passage = {
  ...{ chunkSeq: 1, chunkId: 'chunk', documentId: 'document', version: 1, n: 0, start: 0, end: 4, page: 1 },
  ...{ parts: [], heading: 'heading', context: 'context', text: 'text', title: 'title', sourceUrl: 'url' },
  ...{ author: 'author', date: 'date', contentType: 'text/plain', language: 'en', taxonomyPath: [] },
  ...{ metadata: {}, score: 1, keywordScore: 1, vectorScore: 1, rerankScore: 1 },
};

const sampleCase: CaseMatch = {
  ...{ id: 'case', answerId: 'answer', question: 'question', answer: 'answer' },
  ...{ confirmedBy: 'feedback', score: 1, seqs: [] },
};
const note = { by: 'examiner', text: 'note' };
const tool = { name: 'tool', description: 'description', inputSchema: {} };

/** What the planner and a debate would be asked. */
function aroundIt(intent: Intent) {
  const delimiting = { boundary: 'a boundary', suspects: new Set([sample]) };
  const debating: Debating = { question: 'question', intent, passages: [sample], delimiting };
  return [
    ...[[], [tool]].map((tools) => writePlanPrompt('question', tools, 'a boundary')),
    ...agents.flatMap((agent) => [[], [note]].map((notes) => writeAgentPrompt(agent, debating, notes))),
    writeSynthesisPrompt(debating, [note]),
  ];
}

let known: string | undefined;

/**
 * Another one for every change of the wording that a model is asked with. Computed once: the wording is the code's, and an answer
 * asks for its version twice.
 */
export function promptVersion(): string {
  known ??= hashWording();
  return known;
}

/** Of what a sample question would be sent as, in every mode, kind and language. */
function hashWording(): string {
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
          { boundary: 'a boundary', cases: [sampleCase], instructions: 'instructions' },
        ),
      ),
    ),
  );
  return sha256(JSON.stringify([...prompts, ...aroundIt(readIntent('question', 'answer'))])).slice(0, 16);
}
