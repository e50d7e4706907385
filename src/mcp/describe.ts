import type { Answer, Document, SearchResult } from '../client/types.ts';

/** Replies of the API in words, for models that read no JSON; everything stands in the structured content as well. */
export function describeSearch({ hits }: Pick<SearchResult, 'hits'>): string {
  if (hits.length === 0) return 'Nothing was found.';
  return hits
    .map(({ page, source, text }, at) => `[${at + 1}] ${placeOf({ ...source, page })}\n${text}`)
    .join('\n\n');
}

export function describeAnswer({ answer, error, id, sources = [], status }: Answer): string {
  if (status === 'queued' || status === 'in_progress')
    return `The answer is not finished yet: call status with answer_id ${id}.`;
  if (status !== 'completed') return `The answer ended ${status}${error ? `: ${error.detail}` : '.'}`;
  const cited = sources.map(
    ({ n, page, quote, source_url: url, title, date }) =>
      `[${n}] ${placeOf({ title, url, page, date })}: "${quote.replace(/\s+/gu, ' ').trim()}"`,
  );
  return [answer ?? '', ...(cited.length > 0 ? ['', 'Sources:', ...cited] : [])].join('\n');
}

export function describeWork({ error, id, status, version }: Document): string {
  const told = `The document ${id}, version ${version}, is ${status}.`;
  return error ? `${told} ${error.detail}` : told;
}

export function describeHealth({ status }: { status: string }): string {
  return `The service is ${status}.`;
}

function placeOf(of: {
  title: string | null;
  url: string | null;
  page: number | null;
  date: string | null;
}): string {
  const { date, page, title, url } = of;
  return [title ?? 'untitled', page === null ? null : `p. ${page}`, date, url].filter(Boolean).join(', ');
}
