import type { WordStatistic } from '../db/search-words.ts';
import { analyzeQuestion } from './analyze.ts';

/** Most variants of a question: each is searched for. */
const most = 3;
/** Index words that a part must have to be asked for alone. */
const leastWords = 2;

/** Where a clause ends and another one begins, Korean and English. */
const joints =
  /[,;:?？!()]\s*(?:(?:and|but|or|그리고|또는)\s)?|\s(?:and|but|while|whereas|after|before|because|when|which|who|that|or|than|as well as)\s|(?<=\p{Script=Hangul}(?:하고|하며|인데|는데|지만|면서|때문에))\s|\s(?:그리고|또는|및|혹은)\s/iu;

/**
 * Other ways to ask: the words that say most, by idf, and the parts of a question that has several. None for a question that
 * has nothing to leave out.
 */
export function variantsOf(question: string, statistics: readonly WordStatistic[]): string[] {
  const idf = new Map(statistics.map((one) => [one.word, one.known ? one.idf : 0]));
  const parts = question
    .split(joints)
    .map((part) => part.trim())
    .filter((part) => part !== question.trim() && new Set(analyzeQuestion(part).words).size >= leastWords);
  const variants = [keyTerms(question, idf), ...(parts.length > 1 ? parts : [])];
  return [...new Set(variants.filter((text) => text !== ''))].slice(0, most);
}

/** The better half of the question's words in their order, where there are enough to leave some out. */
function keyTerms(question: string, idf: ReadonlyMap<string, number>): string {
  const words = question.split(/\s+/u).filter((word) => word !== '');
  const weighed = words.map((word, n) => ({ word, n, weight: weightOf(word, idf) }));
  const telling = weighed.filter(({ weight }) => weight > 0);
  if (telling.length <= leastWords) return '';
  const kept = telling
    .sort((a, b) => b.weight - a.weight || a.n - b.n)
    .slice(0, Math.max(leastWords, Math.ceil(telling.length / 2)));
  return kept
    .sort((a, b) => a.n - b.n)
    .map(({ word }) => word)
    .join(' ');
}

function weightOf(word: string, idf: ReadonlyMap<string, number>): number {
  return Math.max(0, ...analyzeQuestion(word).words.map((one) => idf.get(one) ?? 0));
}
