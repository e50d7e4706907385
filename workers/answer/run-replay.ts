import type { Principal } from '../../src/access.ts';
import type { ReplayRequest } from '../../src/answer-replay.ts';
import type { AnswerResult } from '../../src/answer-result.ts';
import type { ClaimedAnswer } from '../../src/db/answers.ts';
import { findRecorded, type Recorded, readCorpusVersion } from '../../src/db/replays.ts';
import { AppError } from '../../src/errors.ts';
import { fingerprint } from '../../src/fingerprint.ts';
import type { Context } from '../context.ts';
import { openChooserAgain } from './chooser.ts';
import type { Report } from './progress.ts';
import { createRecorder } from './record.ts';
import { describeChanges } from './replay-changes.ts';
import { compareAnswers, comparePassages } from './replay-diff.ts';
import type { Finished } from './run-answer.ts';
import { type AnswerRequest, runSteps } from './run-steps.ts';

/**
 * An answer once more: as it was recorded, or made anew with the recorded request and seed, past every cache. Throws
 * `not_found` when the answer is gone, and `conflict` when the corpus had to be the same and is not.
 */
export async function runReplay(
  answer: ClaimedAnswer,
  replay: ReplayRequest,
  context: Context,
  report: Report,
): Promise<Finished> {
  const recorded = await findRecorded(context.db, replay.of, readerOf(answer));
  if (!recorded) throw new AppError('not_found', 'The answer that was to be replayed is not there any more.');
  if (replay.mode === 'recorded') return asRecorded(recorded, replay, await readCorpusVersion(context.db));
  const then = recorded.answer.result as unknown as AnswerResult;
  const tools = replay.without_model ? { ...context, llm: null } : context;
  const request = answer.request as unknown as AnswerRequest;
  const chooser = await openChooserAgain(then, request, context);
  const recorder = createRecorder({ ...tools, chooser }, { seed: recorded.record.seed, fresh: true });
  const run = await runSteps(answer, recorder.context, report);
  const record = recorder.record(run);
  refuseOtherCorpus(replay, recorded, record.corpus_version);
  const retrieval = comparePassages(recorded.record.passages, record.passages);
  const compared = compareAnswers(then, run.result, [recorded.record.prompt_hash, record.prompt_hash]);
  const diff = {
    identical: retrieval.identical && compared.identical,
    ...corpora(recorded, record.corpus_version),
    changed: describeChanges(
      { record: recorded.record, request: recorded.answer.request },
      { record, request: answer.request },
    ),
    sources_deleted: then.sources_deleted ?? 0,
    retrieval,
    answer: compared,
  };
  const usage = { ...run.result.usage, answer_cache: 'off' as const };
  return { result: { ...run.result, usage, diff }, experience: null, record };
}

/** Whoever asked for the replay, with what may be seen by that key when it did. */
function readerOf({ api_key_id: keyId, request }: ClaimedAnswer): Principal {
  const { scope, access } = request as Pick<AnswerRequest, 'scope' | 'access'>;
  return { keyId, all: scope === 'admin', access };
}

/** To the last bit where its fingerprint is that of the result which was stored; without what deleted documents had in it. */
function asRecorded(recorded: Recorded, replay: ReplayRequest, corpusVersion: number): Finished {
  refuseOtherCorpus(replay, recorded, corpusVersion);
  const result = recorded.answer.result as unknown as AnswerResult;
  const identical = fingerprint(result) === recorded.record.result_hash;
  const compared = compareAnswers(result, result, [null, null]);
  const diff = {
    identical,
    ...corpora(recorded, corpusVersion),
    changed: [],
    sources_deleted: result.sources_deleted ?? 0,
    retrieval: null,
    answer: { ...compared, identical, text_changed: !identical },
  };
  return { result: { ...result, diff }, experience: null, record: null };
}

function corpora({ record }: Recorded, now: number) {
  const before = record.corpus_version;
  return { corpus_changed: before !== now, corpus_version: { before, after: now } };
}

function refuseOtherCorpus({ require_same_corpus }: ReplayRequest, { record }: Recorded, now: number): void {
  if (!require_same_corpus || record.corpus_version === now) return;
  throw new AppError(
    'conflict',
    `The corpus has changed since: from version ${record.corpus_version} to ${now}. Leave require_same_corpus out to replay on the present one.`,
  );
}
