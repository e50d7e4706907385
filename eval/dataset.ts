import { createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { Judgements } from '../src/evaluation/measures.ts';

export const passage = z.object({ _id: z.string(), title: z.string().default(''), text: z.string() });
const query = z.object({
  _id: z.string(),
  text: z.string(),
  split: z.string().optional(),
  answers: z.array(z.string()).optional(),
  facts: z.array(z.string()).optional(),
});
export type EvalPassage = z.output<typeof passage>;

export interface EvalQuery {
  id: string;
  text: string;
  judged: Judgements;
  /** Strings that answer it wherever they stand (`answers`: any of them; `facts`: each counts). */
  gold: { strings: string[]; each: boolean };
}

export interface Dataset {
  name: string;
  corpus: EvalPassage[];
  queries: EvalQuery[];
}

export interface DatasetOptions {
  /** Only queries of this split; those without one belong to every split. */
  split?: string | undefined;
  /** Only judgements of passages whose id starts with this, and only that part of the corpus. */
  judgedPrefix?: string | undefined;
  /** At most so many queries, the first ones. */
  limit?: number | undefined;
}

/**
 * A judged collection: `corpus.jsonl {_id, title, text}`, `queries.jsonl {_id, text, split?}`, `qrels.tsv (query-id,
 * corpus-id, score)`. Queries without a relevant document, or of another split, are left out.
 */
export async function readDataset(
  folder: string,
  { split, judgedPrefix = '', limit }: DatasetOptions = {},
): Promise<Dataset> {
  for (const file of ['corpus.jsonl', 'queries.jsonl', 'qrels.tsv']) await access(join(folder, file));
  const judged = await readJudgements(join(folder, 'qrels.tsv'), judgedPrefix);
  const passages = await readLines(join(folder, 'corpus.jsonl'), (line) => passage.parse(JSON.parse(line)));
  const all = await readLines(join(folder, 'queries.jsonl'), (line) => query.parse(JSON.parse(line)));
  const wanted = all.filter(
    (item) =>
      judged.has(item._id) && (split === undefined || item.split === undefined || item.split === split),
  );
  const queries = wanted.slice(0, limit).map((item) => ({
    id: item._id,
    text: item.text,
    judged: judged.get(item._id) as Judgements,
    gold: { strings: item.answers ?? item.facts ?? [], each: item.answers === undefined },
  }));
  const corpus = passages.filter(({ _id }) => _id.startsWith(judgedPrefix));
  return { name: basename(resolve(folder)), corpus, queries };
}

export async function readJudgements(
  path: string,
  prefix: string,
): Promise<Map<string, Map<string, number>>> {
  const judged = new Map<string, Map<string, number>>();
  for (const [queryId, documentId, score] of await readLines(path, (line) => line.split('\t'))) {
    const gain = Number(score);
    if (!queryId || !documentId?.startsWith(prefix) || Number.isNaN(gain) || gain <= 0) continue;
    judged.set(queryId, (judged.get(queryId) ?? new Map()).set(documentId, gain));
  }
  return judged;
}

export async function readLines<T>(path: string, parse: (line: string) => T): Promise<T[]> {
  const values: T[] = [];
  for await (const line of createInterface({
    input: createReadStream(path),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    if (line.trim() !== '') values.push(parse(line));
  }
  return values;
}
