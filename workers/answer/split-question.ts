import { complexityOf } from '../../src/learning/complexity.ts';
import { splitSentences } from '../../src/text/sentences.ts';
import { splitEnglish } from './split-english.ts';
import { splitKorean } from './split-korean.ts';
import { mostParts, standAlone } from './stand-alone.ts';

/** A plan has at most so many sub-questions, each of so many characters. */
export const [mostSubQuestions, longestSubQuestion] = [mostParts, 300];
/** A text of more characters is hardly a question, and rules would take their time over it. */
const longestSplit = 1000;

const asks =
  /[?？]\s*$|(?:까|나요|가요|는가|은가|인가|주세요|줘|하라|하시오|십시오)[.!]?\s*$|^(?:what|when|where|which|who|whom|whose|why|how|do|does|did|is|are|was|were|can|could|should|will|would|has|have|compare|explain|tell|list|name|describe|summari[sz]e)\b|\bvs\.? /iu;

/**
 * What a question asks for one after the other, by rules of Korean and English: several questions, questions that are joined,
 * the sides of a comparison, things that are asked for each, and the descriptions that a long question strings together. Each
 * part stands for itself: what it leaves to those before it is added. None where the question is one question.
 */
export function splitQuestion(question: string): string[] {
  const text = question.replace(/\s+/gu, ' ').trim();
  if (text.length > longestSplit || !asks.test(text)) return [];
  const long = complexityOf(text) === 2;
  const parts = tidy(severalSentences(text) ?? splitKorean(text) ?? splitEnglish(text, { long }) ?? []);
  return parts.length < 2 ? [] : parts;
}

/** Sentences that ask, where there are several; what is only told beside them belongs to all. */
function severalSentences(text: string): string[] | null {
  const sentences = splitSentences(text).map(({ start, end }) => text.slice(start, end));
  const asking = sentences.filter((sentence) => asks.test(sentence));
  if (asking.length < 2 || asking.some((sentence) => !sentence.includes(' '))) return null;
  const told = sentences.filter((sentence) => !asks.test(sentence)).join(' ');
  const last = asking.slice(mostParts - 1).join(' ');
  const parts = [...asking.slice(0, mostParts - 1), ...(last === '' ? [] : [last])];
  return standAlone(parts).map((sentence) => (told === '' ? sentence : `${sentence} ${told}`));
}

/** Without repeats and endings; what is beyond the number goes with the last. */
function tidy(parts: readonly string[]): string[] {
  const clean = parts.map((part) => part.trim().replace(/[,;:]+$/u, '')).filter((part) => part !== '');
  const different = clean.filter(
    (part, n) => clean.findIndex((one) => one.toLowerCase() === part.toLowerCase()) === n,
  );
  const kept = different.slice(0, mostSubQuestions - 1);
  const rest = different.slice(mostSubQuestions - 1).join(', ');
  return [...kept, ...(rest === '' ? [] : [rest])].map((part) => cut(part));
}

/** At most as long as may be, to the last whole word. */
function cut(text: string): string {
  if (text.length <= longestSubQuestion) return text;
  const short = text.slice(0, longestSubQuestion);
  return short.includes(' ')
    ? short.slice(0, short.lastIndexOf(' '))
    : short.replace(/[\ud800-\udbff]$/u, '');
}
