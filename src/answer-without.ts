import type { AnswerResult } from './answer-result.ts';

type Source = AnswerResult['sources'][number];
type Span = [number, number];

/**
 * An answer after documents it cites were deleted. Their sources stay as a tombstone (which document, version and place)
 * without title, text or quote. Of the answer itself only those sentences are left that other sources support and these do
 * not: a sentence without a citation may have come from anywhere. Nothing else is changed: its confidence, for one, is what
 * it was. Returns the same object when it cites none of them.
 */
export function withoutDocuments<Result extends Record<string, unknown>>(
  result: Result,
  isDeleted: (documentId: string) => boolean,
): Result {
  const { sources = [], answer = '' } = result as Partial<AnswerResult>;
  const gone = sources.filter(
    ({ deleted, document_id }) => !deleted && document_id !== null && isDeleted(document_id),
  );
  if (gone.length === 0) return result;
  const left = sources.filter((source) => !source.deleted && !gone.includes(source));
  const taken = gone.flatMap((source) => source.answer_spans as Span[]);
  const rebuilt = rebuild(answer, left, taken);
  const shown = sources.map((source) => rebuilt.sources.get(source) ?? tombstone(source));
  return {
    ...result,
    answer: rebuilt.answer,
    sources: shown,
    ...told(result, left),
    sources_deleted: shown.filter(({ deleted }) => deleted).length,
  };
}

/** What is said of sentences and sources: of those that are left. */
function told({ unsupported_spans, conflicts }: Partial<AnswerResult>, left: readonly Source[]) {
  const stays = (n: number) => left.some((source) => source.n === n);
  return {
    ...(unsupported_spans && { unsupported_spans: [] }),
    ...(conflicts && { conflicts: conflicts.filter(({ n: [one, other] }) => stays(one) && stays(other)) }),
  };
}

function tombstone(source: Source): Source {
  return {
    ...source,
    ...{ title: null, source_url: null, date: null, taxonomy_path: [], text: '', quote: '' },
    ...{ answer_spans: [], verified: false, deleted: true },
  };
}

/** The sentences that `left` support and that touch none of `taken`, in order, with their markers and as a list where they were one. */
function rebuild(answer: string, left: readonly Source[], taken: readonly Span[]) {
  const sources = new Map(left.map((source) => [source, { ...source, answer_spans: [] as Span[] }]));
  const sentences = new Map<string, { span: Span; by: Source[] }>();
  for (const source of left)
    for (const span of source.answer_spans as Span[]) {
      if (taken.some(([start, end]) => start < span[1] && span[0] < end)) continue;
      const known = sentences.get(span.join()) ?? { span, by: [] };
      known.by.push(source);
      sentences.set(span.join(), known);
    }
  let text = '';
  for (const { span, by } of [...sentences.values()].sort((a, b) => a.span[0] - b.span[0])) {
    const [start, end] = span;
    const bullet = answer.slice(start - 2, start) === '- ' ? '- ' : '';
    if (text !== '') text += bullet === '' ? ' ' : '\n';
    text += bullet;
    for (const source of by)
      sources.get(source)?.answer_spans.push([text.length, text.length + (end - start)]);
    text += `${answer.slice(start, end)}${by.map(({ n }) => ` [${n}]`).join('')}`;
  }
  return { answer: text, sources };
}
