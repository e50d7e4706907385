import { writeFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { answerThreshold } from '../workers/answer/answer-threshold.ts';
import { type AnswerOptions, answersUsage, readAnswerOptions } from './answer-options.ts';
import { type Question, type QuestionSet, readQuestions } from './answer-questions.ts';
import { printAnswers, reportAnswers } from './answer-report.ts';
import { type JudgedAnswer, judgeAnswer, type Reading } from './judge-answer.ts';
import { createBar } from './progress.ts';
import { type EvalService, startEvalService } from './service.ts';

/** The evaluation of answers: what docs/quality.md describes. */
export async function evaluateAnswers(args: readonly string[]): Promise<void> {
  const options = readAnswerOptions(args);
  if (options === 'help') {
    console.log(answersUsage);
    process.exitCode = args.includes('--help') ? 0 : 2;
    return;
  }
  const set = await readQuestions(options);
  const name = basename(resolve(options.data));
  console.error(
    `${name}: ${set.corpus.length} passages, ${set.questions.length} questions, ${set.leftOut} left out`,
  );
  const { judged, embedding } = await answerAll(set, options);
  if (options.perQuestion !== undefined)
    await writeFile(options.perQuestion, judged.map((one) => `${JSON.stringify(one)}\n`).join(''));
  const { strategy, mode, split = null, part = null } = options;
  const report = reportAnswers(judged);
  printAnswers([name, split, part, strategy, mode].filter(Boolean).join(' '), report);
  const run = { dataset: name, split, part, strategy, mode, embedding, threshold: thresholdOf(options) };
  if (options.json) console.log(JSON.stringify({ ...run, ...report }));
}

function thresholdOf({ abstainBelow = answerThreshold }: AnswerOptions): number {
  return abstainBelow;
}

async function answerAll(set: QuestionSet, options: AnswerOptions) {
  const service = await startEvalService({
    folder: options.embeddingCache,
    needed: options.strategy !== 'keyword',
  });
  const bar = createBar();
  try {
    bar.start(set.corpus.length, 0, { name: 'ingest' });
    const ids = await service.ingest(set.corpus, (done) => bar.update(done));
    bar.stop();
    const judged: JudgedAnswer[] = [];
    const ask = asking(service, ids, options);
    bar.start(set.questions.length, 0, { name: 'answer' });
    for (const question of set.questions) {
      judged.push(await ask(question, null));
      if (options.withhold && question.gold) judged.push(await ask(question, withoutThem(question, set)));
      bar.increment();
    }
    bar.stop();
    return { judged, embedding: service.embedding };
  } finally {
    await service.stop();
  }
}

/** Asks a question, confined to some passages where they are given, and judges the answer. */
function asking(service: EvalService, ids: ReadonlyMap<string, string>, options: AnswerOptions) {
  const documents = new Map([...ids].map(([document, passage]) => [passage, document]));
  const texts = new Map<string, Promise<string>>();
  const reading: Omit<Reading, 'withheld'> = {
    passageOf: (document) => ids.get(document) ?? '',
    textOf: (document, version) => {
      const key = `${document} ${version}`;
      const text = texts.get(key) ?? service.text(document, version);
      texts.set(key, text);
      return text;
    },
    threshold: thresholdOf(options),
  };
  const { mode, strategy, passages: final_topk } = options;
  return async (question: Question, only: readonly string[] | null): Promise<JudgedAnswer> => {
    const document_ids = only?.flatMap((passage) => documents.get(passage) ?? []);
    const result = await service.answer(question.text, {
      ...{ mode, strategy, final_topk, abstain_below: 0 },
      ...(document_ids ? { filters: { document_ids } } : {}),
    });
    return judgeAnswer(question, result, { ...reading, withheld: only !== null });
  };
}

/** All passages but those that answer the question and those of the same title: other parts of the same text. */
function withoutThem({ documents }: Question, { corpus }: QuestionSet): string[] {
  const titles = new Set(
    corpus.filter(({ _id, title }) => title && documents.has(_id)).map(({ title }) => title),
  );
  return corpus.flatMap(({ _id, title }) => (documents.has(_id) || titles.has(title) ? [] : [_id]));
}
