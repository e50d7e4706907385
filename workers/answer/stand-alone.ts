import { contextualQuestion } from './contextual-question.ts';

/** Parts that a question is taken apart into at most. */
export const mostParts = 4;

/** Parts of a question that leave something to those before them, with it. */
export function standAlone(parts: readonly string[]): string[] {
  return parts.map((part, n) => contextualQuestion(part, parts.slice(0, n)) ?? part);
}
