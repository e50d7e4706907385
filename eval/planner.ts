import { basename, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { comparePaired } from '../src/evaluation/compare.ts';
import { mean, ndcg, recall } from '../src/evaluation/measures.ts';
import type { FlagSnapshot } from '../src/flag-service.ts';
import { type Question, readQuestions } from './answer-questions.ts';
import { defaultCacheFolder } from './embedding-cache.ts';
import { createBar } from './progress.ts';
import { type EvalService, startEvalService } from './service.ts';

const usage = `npm run eval planner -- --data DIR [options]

Answers every question of a judged collection twice, without and with meta_planner, by rules alone, and compares: recall and
nDCG of the judged documents among the passages that the answer is made of, and whether a fact of the collection is quoted.
Questions without judgements are left out of these, and counted where the answer abstains.

--passages N          passages an answer is made of; 10 when left out
--part even|odd       only every second question: to fix something on one part, report on the other
--limit N             only the first N questions
--split NAME          only questions of this split
--embedding-cache DIR as for the evaluation of search`;

const measures = ['recall', 'ndcg', 'fact_quoted', 'abstained'] as const;
type Scores = Record<(typeof measures)[number], number | null>;

interface Compared {
  question: Question;
  split: boolean;
  off: Scores;
  on: Scores;
}

/** The evaluation of the planner: what docs/planning.md reports. */
export async function evaluatePlanner(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: 'string' },
      passages: { type: 'string', default: '10' },
      part: { type: 'string' },
      limit: { type: 'string' },
      split: { type: 'string' },
      'embedding-cache': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || values.data === undefined) {
    console.log(usage);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const { data, split, part } = values;
  const limit = values.limit === undefined ? undefined : Number(values.limit);
  const set = await readQuestions({ data, split, part: undefined, limit, documents: undefined });
  const questions = set.questions.filter((_, n) => !part || (n % 2 === 0) === (part === 'even'));
  const cache = values['embedding-cache'] ?? process.env.EVAL_EMBEDDING_CACHE ?? defaultCacheFolder();
  const service = await startEvalService({ folder: cache === 'off' ? undefined : cache, needed: true });
  const bar = createBar();
  const compared: Compared[] = [];
  try {
    bar.start(set.corpus.length, 0, { name: 'ingest' });
    const ids = await service.ingest(set.corpus, (done) => bar.update(done));
    bar.start(questions.length, 0, { name: 'answer' });
    for (const question of questions) {
      compared.push(await compare(service, ids, question, Number(values.passages)));
      bar.increment();
    }
    bar.stop();
  } finally {
    await service.stop();
  }
  print(
    [basename(resolve(data)), split, part, `${values.passages} passages`].filter(Boolean).join(' '),
    compared,
  );
}

const on = { meta_planner: { on: true, reason: 'stored', percent: 100 } } satisfies Partial<FlagSnapshot>;

async function compare(
  service: EvalService,
  ids: ReadonlyMap<string, string>,
  question: Question,
  k: number,
): Promise<Compared> {
  const ask = async (flags: Partial<FlagSnapshot>) => {
    const request = { mode: 'answer', final_topk: k, strategy: 'auto', flags } as const;
    const { result, passages } = await service.run(question.text, request);
    const ranked = [...new Set(passages.map(({ documentId }) => ids.get(documentId) ?? ''))];
    const judged = new Map([...question.documents].map((document) => [document, 1]));
    const known = judged.size > 0;
    const scores: Scores = {
      recall: known ? recall(ranked, judged, k) : null,
      ndcg: known ? ndcg(ranked, judged, k) : null,
      fact_quoted:
        question.facts.length === 0 || !known
          ? null
          : Number(result.sources.some(({ quote }) => hasFact(quote, question))),
      abstained: Number(result.abstained),
    };
    return { scores, split: result.plan?.strategy === 'multi_step' };
  };
  const [without, planned] = [await ask({}), await ask(on)];
  return { question, split: planned.split, off: without.scores, on: planned.scores };
}

function hasFact(quote: string, { facts }: Question): boolean {
  return facts.some((fact) => quote.includes(fact) || fact.includes(quote));
}

function print(title: string, compared: readonly Compared[]): void {
  const split = compared.filter((one) => one.split).length;
  console.log(`\n${title}: ${compared.length} questions, of which ${split} were split`);
  console.log('measure            off      on   on − off [95 %], randomisation test');
  for (const answerable of [true, false])
    for (const measure of measures) {
      const pairs = compared.flatMap(({ question, off, on: planned }) => {
        const [a, b] = [off[measure], planned[measure]];
        return (question.gold !== null) === answerable && a !== null && b !== null ? [[a, b] as const] : [];
      });
      if (pairs.length === 0) continue;
      const [before, after] = [pairs.map(([a]) => a), pairs.map(([, b]) => b)];
      const { difference, interval, p } = comparePaired(after, before);
      const name = answerable ? measure : `${measure}, null`;
      console.log(
        `${name.padEnd(16)}${mean(before).toFixed(3).padStart(6)}${mean(after).toFixed(3).padStart(8)}   ${difference.toFixed(4)} [${interval.map((x) => x.toFixed(4)).join(' ')}]  p ${p.toFixed(4)}  ${pairs.length} questions`,
      );
    }
}
