import type { AnswerResource } from './client.ts';
import type { Question } from './corpus.ts';
import type { Ingested } from './ingest.ts';

/** What falls short of the question's expectation, in words; empty when nothing does. */
export function judgeAnswer({ expects }: Question, answer: AnswerResource): string[] {
  if (answer.status !== 'completed') {
    return [`the answer ended as ${answer.status}${answer.error ? `: ${answer.error.detail}` : ''}`];
  }
  if (!expects.answered) {
    return answer.abstained ? [] : ['it was answered, though no document answers it'];
  }
  if (answer.abstained) return ['it was not answered, though a document answers it'];
  const sources = answer.sources ?? [];
  const shortfalls: string[] = [];
  if (sources.length === 0) shortfalls.push('the answer names no source');
  for (const source of sources) {
    if (!source.verified) shortfalls.push(`source [${source.n}] is not verified`);
  }
  if (expects.contains !== null && !(answer.answer ?? '').includes(expects.contains)) {
    shortfalls.push(`the answer does not contain "${expects.contains}"`);
  }
  return shortfalls;
}

/** The documents that did not become ready, and why, in words. */
export function judgeDocuments(ingested: Ingested[]): string[] {
  return ingested
    .filter(({ document }) => document.status !== 'ready')
    .map(({ example, document }) => {
      const reason = document.error ? `: ${document.error.detail}` : '';
      return `${example.file} is not ready but ${document.status}${reason}`;
    });
}
