import { createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { Judgements } from '../src/evaluation/measures.ts';

const passage = z.object({ _id: z.string(), title: z.string().default(''), text: z.string() });
const query = z.object({ _id: z.string(), text: z.string(), split: z.string().optional() });
export type EvalPassage = z.output<typeof passage>;

export interface Dataset {
  name: string;
  corpus: EvalPassage[];
  queries: { id: string; text: string; judged: Judgements }[];
}

/**
 * A judged collection: `corpus.jsonl {_id, title, text}`, `queries.jsonl {_id, text, split?}`, `qrels.tsv (query-id,
 * corpus-id, score)`. Queries without a relevant document, or of another split, are left out.
 */
export async function readDataset(folder: string, split: string | undefined): Promise<Dataset> {
  for (const file of ['corpus.jsonl', 'queries.jsonl', 'qrels.tsv']) await access(join(folder, file));
  const judged = await readJudgements(join(folder, 'qrels.tsv'));
  const corpus = await readLines(join(folder, 'corpus.jsonl'), (line) => passage.parse(JSON.parse(line)));
  const all = await readLines(join(folder, 'queries.jsonl'), (line) => query.parse(JSON.parse(line)));
  const wanted = all.filter(
    (item) =>
      judged.has(item._id) && (split === undefined || item.split === undefined || item.split === split),
  );
  const queries = wanted.map((item) => ({
    id: item._id,
    text: item.text,
    judged: judged.get(item._id) as Judgements,
  }));
  return { name: basename(resolve(folder)), corpus, queries };
}

async function readJudgements(path: string): Promise<Map<string, Map<string, number>>> {
  const judged = new Map<string, Map<string, number>>();
  for (const [queryId, documentId, score] of await readLines(path, (line) => line.split('\t'))) {
    const gain = Number(score);
    if (!queryId || !documentId || Number.isNaN(gain) || gain <= 0) continue;
    judged.set(queryId, (judged.get(queryId) ?? new Map()).set(documentId, gain));
  }
  return judged;
}

async function readLines<T>(path: string, parse: (line: string) => T): Promise<T[]> {
  const values: T[] = [];
  for await (const line of createInterface({
    input: createReadStream(path),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    if (line.trim() !== '') values.push(parse(line));
  }
  return values;
}
