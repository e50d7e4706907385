import { join } from 'node:path';
import { z } from 'zod';
import type { AnswerOptions } from './answer-options.ts';
import { type EvalPassage, passage, readJudgements, readLines } from './dataset.ts';

/** What a right answer must have. */
export type Gold =
  /** Any of these strings in its text. */
  | { kind: 'strings'; strings: string[] }
  /** A quote from any of these documents. */
  | { kind: 'documents' };

export interface Question {
  id: string;
  text: string;
  /** null: the collection says that it has no answer. */
  gold: Gold | null;
  /** Documents that answer it; none where it has no answer. */
  documents: ReadonlySet<string>;
  /** Sentences of documents that an answer rests on, to the letter; often none are given. */
  facts: string[];
}

export interface QuestionSet {
  corpus: EvalPassage[];
  questions: Question[];
  /** Of which the collection says neither what answers them nor that nothing does. */
  leftOut: number;
}

const line = z.object({
  _id: z.string(),
  text: z.string(),
  split: z.string().optional(),
  answers: z.array(z.string()).optional(),
  facts: z.array(z.string()).default([]),
  question_type: z.string().optional(),
  evidence: z.array(z.object({ doc: z.string() })).optional(),
});

/**
 * The questions of a judged collection with their gold: strings where the collection has answers as strings
 * (`answers`), otherwise a quote from a document with evidence (`evidence`) or a judged one. `question_type: null_query`
 * has no answer; a question with neither judgement nor that mark, or whose `evidence` is empty, is left out.
 */
export async function readQuestions({
  data,
  split,
  part,
  limit,
  documents,
}: Pick<AnswerOptions, 'data' | 'split' | 'part' | 'limit' | 'documents'>): Promise<QuestionSet> {
  const judged = await readJudgements(join(data, 'qrels.tsv'), '');
  const corpus = await readLines(join(data, 'corpus.jsonl'), (text) => passage.parse(JSON.parse(text)));
  const lines = await readLines(join(data, 'queries.jsonl'), (text) => line.parse(JSON.parse(text)));
  const inSplit = lines.filter((one) => !split || one.split === undefined || one.split === split);
  const partOf = partsByTitle(corpus);
  const read = inSplit.map((one) => toQuestion(one, [...(judged.get(one._id)?.keys() ?? [])]));
  const known = read.filter((one) => one !== null);
  const asked = known
    .filter(
      (one, n) => !part || part === ([...one.documents].map(partOf)[0] ?? (n % 2 === 0 ? 'even' : 'odd')),
    )
    .slice(0, limit);
  return {
    corpus: documents === undefined ? corpus : smaller(corpus, asked, documents),
    questions: asked,
    leftOut: read.length - known.length,
  };
}

function toQuestion(one: z.output<typeof line>, judged: readonly string[]): Question | null {
  const { _id: id, text, facts } = one;
  const without = { id, text, gold: null, documents: new Set<string>(), facts };
  if (one.question_type === 'null_query') return without;
  const documents = new Set(one.evidence?.map(({ doc }) => doc) ?? judged);
  if (documents.size === 0) return null;
  const gold: Gold = one.answers ? { kind: 'strings', strings: one.answers } : { kind: 'documents' };
  return { id, text, gold, documents, facts };
}

/** Documents of one title fall on the same part, titles by turns. */
function partsByTitle(corpus: readonly EvalPassage[]): (id: string) => 'even' | 'odd' | undefined {
  const turns = new Map<string, number>();
  const parts = new Map<string, 'even' | 'odd'>();
  for (const { _id, title } of corpus) {
    const key = title || _id;
    const turn = turns.get(key) ?? turns.size;
    turns.set(key, turn);
    parts.set(_id, turn % 2 === 0 ? 'even' : 'odd');
  }
  return (id) => parts.get(id);
}

function smaller(corpus: readonly EvalPassage[], asked: readonly Question[], size: number): EvalPassage[] {
  const wanted = new Set(asked.flatMap((one) => [...one.documents]));
  const first = corpus.filter(({ _id }) => wanted.has(_id));
  return [...first, ...corpus.filter(({ _id }) => !wanted.has(_id))].slice(0, Math.max(size, first.length));
}
