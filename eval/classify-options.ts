import { parseArgs } from 'node:util';
import { defaultCacheFolder } from './embedding-cache.ts';

export const classifyUsage = `npm run eval classify -- --data DIR [options]

Learns the product's classifier from some labelled texts of a collection and judges it on others.
DIR holds documents.jsonl: {title?, text, label, split?}; "label" may be a list of labels from the root, or "A > B", for a tree. Texts of the
split "train" are learned from and those of "test" judged; without splits every fourth text is judged.

--per-class LIST      labelled examples a class; 8,64 when left out. 0: from the names of the classes alone
--draws N             draws of labelled examples; 10 when left out
--unlabelled N        further texts of train without their labels, as a corpus has them; 2500 when left out
--label FIELD,FIELD   fields that hold the labels from the root; "label" when left out
--separator S         what parts the labels within one field; " > " when left out
--judge train         judges on a held-out half of train instead, for tuning
--limit N             judges only the first N texts
--no-embeddings       words alone
--threshold P         below it a person decides; .70 when left out
--embedding-cache DIR as for the evaluation of search
--json                the result as the last line of standard output`;

export interface ClassifyOptions {
  data: string;
  perClass: number[];
  draws: number;
  unlabelled: number;
  fields: string[];
  separator: string | undefined;
  judge: 'test' | 'train';
  limit: number | undefined;
  embeddings: boolean;
  threshold: number;
  embeddingCache: string | undefined;
  json: boolean;
}

/** `help` when it was asked for or --data is missing. Throws with a sentence for the person who typed it. */
export function readClassifyOptions(args: readonly string[]): ClassifyOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: 'string' },
      'per-class': { type: 'string', default: '8,64' },
      draws: { type: 'string', default: '10' },
      unlabelled: { type: 'string', default: '2500' },
      label: { type: 'string', default: 'label' },
      separator: { type: 'string' },
      judge: { type: 'string', default: 'test' },
      limit: { type: 'string' },
      'no-embeddings': { type: 'boolean', default: false },
      threshold: { type: 'string', default: '.70' },
      'embedding-cache': { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || values.data === undefined) return 'help';
  if (values.judge !== 'test' && values.judge !== 'train')
    throw new Error(`--judge takes test or train, not ${values.judge}`);
  const cache = values['embedding-cache'] ?? process.env.EVAL_EMBEDDING_CACHE ?? defaultCacheFolder();
  return {
    data: values.data,
    perClass: values['per-class'].split(',').map((given) => toNumber('--per-class', given)),
    draws: Math.max(1, toNumber('--draws', values.draws)),
    unlabelled: toNumber('--unlabelled', values.unlabelled),
    fields: values.label.split(','),
    separator: values.separator,
    judge: values.judge,
    limit: values.limit === undefined ? undefined : toNumber('--limit', values.limit),
    embeddings: !values['no-embeddings'],
    threshold: toShare('--threshold', values.threshold),
    embeddingCache: cache === 'off' ? undefined : cache,
    json: values.json,
  };
}

function toNumber(option: string, given: string): number {
  if (/^\d+$/.test(given)) return Number(given);
  throw new Error(`${option} takes whole numbers, not ${given}`);
}

function toShare(option: string, given: string): number {
  const value = Number(given);
  if (given.trim() !== '' && value >= 0 && value <= 1) return value;
  throw new Error(`${option} takes a number from 0 to 1, not ${given}`);
}
