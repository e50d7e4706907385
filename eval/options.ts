import { parseArgs } from 'node:util';
import { defaultCacheFolder } from './embedding-cache.ts';
import { type ReadingName, readings } from './reading.ts';

export const usage = `npm run eval -- --data DIR [options]

Ingests a judged collection into a temporary instance and measures the product's own search; npm run eval answers
measures its answers (--help tells how).
DIR holds corpus.jsonl, queries.jsonl and qrels.tsv.

--strategy LIST       of keyword, vector, hybrid; all three when left out
--rerank              each strategy also as STRATEGY+rerank, by the reranker that RERANKER sets up
--split NAME          only queries of this split
--judged-prefix P     only judgements of passages whose id starts with P, and only that part of the corpus
--limit N             only the first N queries
--per-query FILE      measures and first ten passages of every query, as JSON lines
--baseline FILE       keeps this run for later comparisons
--against FILE        compares with a kept run; ends with 1 where nDCG@10 is significantly worse
--embedding-cache DIR where vectors are remembered; EVAL_EMBEDDING_CACHE, or ~/.cache/dt-rag/embeddings. "off": nowhere
--join PATTERN        passages whose ids agree in the pattern's first group become one document
--reading LIST        measures what the first passages say, as they are or put together: of plain, merged, neighbours,
                      section, merged+neighbours, merged+section
--passages N          so many of them; 5 when left out
--json                the result as the last line of standard output`;

/** How search is asked for each strategy. */
export const modes = { keyword: 'bm25', vector: 'vector', hybrid: 'hybrid' } as const;
export type StrategyName = keyof typeof modes;

/** One way to search that is measured. */
export interface Variant {
  /** As tables and files name it. */
  name: string;
  mode: (typeof modes)[StrategyName];
  rerank: boolean;
}

export interface EvalOptions {
  data: string;
  variants: Variant[];
  split: string | undefined;
  judgedPrefix: string | undefined;
  limit: number | undefined;
  perQuery: string | undefined;
  baseline: string | undefined;
  against: string | undefined;
  /** Undefined: nothing is remembered. */
  embeddingCache: string | undefined;
  join: RegExp | undefined;
  readings: ReadingName[];
  /** Passages that are read. */
  passages: number;
  json: boolean;
}

/** `help` when it was asked for or --data is missing. Throws with a sentence for the person who typed it. */
export function readOptions(args: readonly string[]): EvalOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: 'string' },
      strategy: { type: 'string', default: Object.keys(modes).join(',') },
      rerank: { type: 'boolean', default: false },
      split: { type: 'string' },
      'judged-prefix': { type: 'string' },
      limit: { type: 'string' },
      'per-query': { type: 'string' },
      baseline: { type: 'string' },
      against: { type: 'string' },
      'embedding-cache': { type: 'string' },
      join: { type: 'string' },
      reading: { type: 'string' },
      passages: { type: 'string', default: '5' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || values.data === undefined) return 'help';
  const cache = values['embedding-cache'] ?? process.env.EVAL_EMBEDDING_CACHE ?? defaultCacheFolder();
  return {
    data: values.data,
    variants: toVariants(values.strategy, values.rerank),
    split: values.split,
    judgedPrefix: values['judged-prefix'],
    limit: values.limit === undefined ? undefined : toCount('--limit', values.limit),
    perQuery: values['per-query'],
    baseline: values.baseline,
    against: values.against,
    embeddingCache: cache === 'off' ? undefined : cache,
    join: values.join === undefined ? undefined : new RegExp(values.join),
    readings: values.reading === undefined ? [] : toNames('--reading', values.reading, readings),
    passages: toCount('--passages', values.passages),
    json: values.json,
  };
}

function toVariants(list: string, reranked: boolean): Variant[] {
  return toNames('--strategy', list, modes).flatMap((name): Variant[] => {
    const plain = { name, mode: modes[name], rerank: false };
    return reranked ? [plain, { ...plain, name: `${name}+rerank`, rerank: true }] : [plain];
  });
}

function toNames<Name extends string>(option: string, list: string, known: Record<Name, unknown>): Name[] {
  return list.split(',').map((given) => {
    const name = given.trim();
    if (Object.hasOwn(known, name)) return name as Name;
    throw new Error(`${option} takes ${Object.keys(known).join(', ')}, not ${name}`);
  });
}

function toCount(option: string, given: string): number {
  if (/^[1-9]\d*$/.test(given)) return Number(given);
  throw new Error(`${option} takes a whole number from 1, not ${given}`);
}
