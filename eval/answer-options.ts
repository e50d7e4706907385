import { parseArgs } from 'node:util';
import { modes as answerModes, type Mode } from '../workers/answer/intent.ts';
import { defaultCacheFolder } from './embedding-cache.ts';

export const answersUsage = `npm run eval answers -- --data DIR [options]

Ingests a judged collection into a temporary instance and measures the product's own answers, without a language model.
DIR holds corpus.jsonl, queries.jsonl and qrels.tsv; docs/quality.md says which fields of a question are its gold.

--strategy NAME       auto (when left out), keyword, vector or hybrid
--mode NAME           answer (when left out), summary or keypoints
--passages N          passages an answer is taken from; 5 when left out
--split NAME          only questions of this split
--part even|odd       only questions of every second document title: to fix something on one part, report on the other
--limit N             only the first N questions
--documents N         a corpus of only N documents: those judged for the questions, then others
--withhold            every answerable question also with its documents, and all of the same title, withheld
--abstain-below P     threshold of abstention; the product's own when left out
--per-question FILE   every answer as JSON lines
--embedding-cache DIR as for the evaluation of search
--json                the result as the last line of standard output`;

export const answerStrategies = ['auto', 'keyword', 'vector', 'hybrid'] as const;

export interface AnswerOptions {
  data: string;
  strategy: (typeof answerStrategies)[number];
  mode: Mode;
  passages: number;
  split: string | undefined;
  part: 'even' | 'odd' | undefined;
  limit: number | undefined;
  documents: number | undefined;
  withhold: boolean;
  abstainBelow: number | undefined;
  perQuestion: string | undefined;
  embeddingCache: string | undefined;
  json: boolean;
}

/** `help` when it was asked for or --data is missing. Throws with a sentence for the person who typed it. */
export function readAnswerOptions(args: readonly string[]): AnswerOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: 'string' },
      strategy: { type: 'string', default: 'auto' },
      mode: { type: 'string', default: 'answer' },
      passages: { type: 'string', default: '5' },
      split: { type: 'string' },
      part: { type: 'string' },
      limit: { type: 'string' },
      documents: { type: 'string' },
      withhold: { type: 'boolean', default: false },
      'abstain-below': { type: 'string' },
      'per-question': { type: 'string' },
      'embedding-cache': { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || values.data === undefined) return 'help';
  const cache = values['embedding-cache'] ?? process.env.EVAL_EMBEDDING_CACHE ?? defaultCacheFolder();
  return {
    data: values.data,
    strategy: oneOf('--strategy', values.strategy, answerStrategies),
    mode: oneOf('--mode', values.mode, answerModes),
    passages: toCount('--passages', values.passages),
    split: values.split,
    part: values.part === undefined ? undefined : oneOf('--part', values.part, ['even', 'odd'] as const),
    limit: values.limit === undefined ? undefined : toCount('--limit', values.limit),
    documents: values.documents === undefined ? undefined : toCount('--documents', values.documents),
    withhold: values.withhold,
    abstainBelow: values['abstain-below'] === undefined ? undefined : toShare(values['abstain-below']),
    perQuestion: values['per-question'],
    embeddingCache: cache === 'off' ? undefined : cache,
    json: values.json,
  };
}

function oneOf<const Name extends string>(option: string, given: string, known: readonly Name[]): Name {
  const name = known.find((one) => one === given);
  if (name === undefined) throw new Error(`${option} takes ${known.join(', ')}, not ${given}`);
  return name;
}

function toCount(option: string, given: string): number {
  if (/^[1-9]\d*$/.test(given)) return Number(given);
  throw new Error(`${option} takes a whole number from 1, not ${given}`);
}

function toShare(given: string): number {
  const value = Number(given);
  if (given.trim() !== '' && value >= 0 && value <= 1) return value;
  throw new Error(`--abstain-below takes a number from 0 to 1, not ${given}`);
}
