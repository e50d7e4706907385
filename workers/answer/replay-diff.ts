import type { AnswerDiff, RetrievalDiff } from '../../src/answer-replay.ts';
import type { AnswerResult } from '../../src/answer-result.ts';
import type { RecordedPassage } from '../../src/db/answer-records.ts';
import { splitSentences } from '../../src/text/sentences.ts';

interface Ranked extends RecordedPassage {
  /** From 1. */
  rank: number;
}

/** Every difference between two lists of passages, best first: which came and went, and place, scores and text of the others. */
export function comparePassages(
  then: readonly RecordedPassage[],
  now: readonly RecordedPassage[],
): RetrievalDiff {
  const [before, after] = [ranked(then), ranked(now)];
  const pairs = [...after.values()].flatMap((is) => {
    const was = before.get(is.chunk_id);
    return was ? [{ was, is }] : [];
  });
  const gone = [...before.values()].filter(({ chunk_id }) => !after.has(chunk_id));
  const added = [...after.values()].filter(({ chunk_id }) => !before.has(chunk_id));
  const moved = pairs.filter(({ was, is }) => was.rank !== is.rank);
  const rescored = pairs.filter(({ was, is }) => scoreNames.some((name) => was[name] !== is[name]));
  // Of a passage whose document was deleted no text is known.
  const rewritten = pairs.filter(({ was, is }) => was.text_hash !== is.text_hash && !was.deleted);
  return {
    identical: [gone, added, moved, rescored, rewritten].every((list) => list.length === 0),
    kept: pairs.length,
    added: added.map((passage) => ({ ...shown(passage), same_text_as: sameText(passage, gone) })),
    gone: gone.map((passage) => ({ ...shown(passage), deleted: passage.deleted ?? false })),
    moved: moved.map(({ was, is }) => ({ chunk_id: is.chunk_id, from: was.rank, to: is.rank })),
    rescored: rescored.map(({ was, is }) => ({
      chunk_id: is.chunk_id,
      before: scores(was),
      after: scores(is),
    })),
    text_changed: rewritten.map(({ is }) => is.chunk_id),
  };
}

function ranked(passages: readonly RecordedPassage[]): Map<string, Ranked> {
  return new Map(passages.map((passage, at) => [passage.chunk_id, { ...passage, rank: at + 1 }]));
}

const scoreNames = ['score', 'keyword_score', 'vector_score', 'rerank_score'] as const;

function scores({ score, keyword_score, vector_score, rerank_score }: RecordedPassage) {
  return { score, keyword_score, vector_score, rerank_score };
}

function shown(passage: Ranked) {
  const { chunk_id, document_id, version, rank } = passage;
  return { chunk_id, document_id, version, rank, ...scores(passage) };
}

/** A document that came again, or as a new version, has new chunks of old texts. */
function sameText({ text_hash }: Ranked, gone: readonly Ranked[]): string | null {
  return gone.find((one) => one.text_hash !== null && one.text_hash === text_hash)?.chunk_id ?? null;
}

/** `prompts`: fingerprints of what a model was sent, null where none was asked. */
export function compareAnswers(
  then: AnswerResult,
  now: AnswerResult,
  [before, after]: readonly [string | null, string | null],
): AnswerDiff {
  const sources = countShared(placesOf(then), placesOf(now));
  const text_changed = then.answer !== now.answer;
  const sameSources = sources.added === 0 && sources.gone === 0;
  const same = (['abstained', 'confidence', 'model'] as const).every((name) => then[name] === now[name]);
  return {
    identical: !text_changed && sameSources && same,
    text_changed,
    abstained: { before: then.abstained, after: now.abstained },
    confidence: { before: then.confidence, after: now.confidence },
    model: { before: then.model, after: now.model },
    degraded: { before: then.degraded, after: now.degraded },
    prompt_identical: before === null || after === null ? null : before === after,
    sentences: countShared(sentencesOf(then.answer), sentencesOf(now.answer)),
    sources,
  };
}

function placesOf({ sources }: AnswerResult): Set<string> {
  return new Set(
    sources.flatMap(({ document_id, version, char_range, deleted }) =>
      deleted ? [] : [[document_id, version, ...char_range].join()],
    ),
  );
}

/** Without markers: the same sentence may have another number behind it. */
function sentencesOf(answer: string): Set<string> {
  const bare = answer.replace(/ \[\d+\]/g, '');
  return new Set(splitSentences(bare).map(({ start, end }) => bare.slice(start, end)));
}

function countShared(then: ReadonlySet<string>, now: ReadonlySet<string>) {
  const kept = [...now].filter((one) => then.has(one)).length;
  return { kept, added: now.size - kept, gone: then.size - kept };
}
