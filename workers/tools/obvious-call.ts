import { calculate } from './calculator.ts';
import type { Arguments } from './tool.ts';

export interface ToolCall {
  /** `server.tool` */
  name: string;
  arguments: Arguments;
}

/** Around what is to be computed; anything else that is said makes it another question. */
const asked =
  /^(?:please\s+|hey,?\s+)?(?:what(?:'s|’s| is| are| does)|how much (?:is|are)|calculate|compute|work out|evaluate|계산(?:해\s?줘)?[:：]?)\s+/iu;
const closing =
  /(?:\s*(?:equals?|equal to|make|come to|=))?[\s?？.!]*$|\s*(?:은|는|이|가)?\s*(?:얼마(?:야|예요|인가요|입니까|죠|지)?|몇(?:이야|인가요|입니까|이에요|이죠)?|계산해\s?(?:줘|주세요|줄래)?)?[\s?？.!]*$/iu;

const words: readonly [RegExp, string][] = [
  [/\bplus\b|더하기/giu, '+'],
  [/\bminus\b|빼기/giu, '-'],
  [/\b(?:times|multiplied by)\b|곱하기|[×·✕]/giu, '*'],
  [/\bdivided by\b|나누기|÷/giu, '/'],
  [/\bto the power of\b|\*\*/giu, '^'],
  [/\bpercent\b|퍼센트|프로(?=의|\s|$)/giu, '%'],
  [/%\s*(?:of\b|의)/giu, '% *'],
  [/(?<=\d)의\s+(?=[\d.]+\s*%)/gu, ' * '],
  [/−|–/gu, '-'],
];

/** `12 × (3 + 4)`, `15 % of 80`, `3 더하기 4`: the expression where the whole question is one, with an operator in it. */
function expressionIn(question: string): string | undefined {
  let rest = question.trim().replace(asked, '').replace(closing, '').replace(closing, '');
  // Commas that group thousands; any other makes it a list.
  rest = rest.replace(/\b\d{1,3}(?:,\d{3})+\b/gu, (number) => number.replaceAll(',', ''));
  for (const [word, operator] of words) rest = rest.replace(word, operator);
  const expression = rest.replace(/\s+/gu, ' ').trim();
  if (!/^[\d\s.+\-*/%^()]+$/.test(expression) || !/\d\s*\)*\s*[+\-*/%^]\s*/.test(expression))
    return undefined;
  // A date, a number of something or a name, not a subtraction: 2025-01-02, 010-1234-5678, 24/7.
  if (/^\d+(?:[-/]\d+)+$/.test(expression)) return undefined;
  try {
    calculate(expression);
    return expression;
  } catch {
    // What can't be computed is no arithmetic: the documents may know what is meant.
    return undefined;
  }
}

const today = [
  /^(?:please\s+)?(?:(?:what(?:'s|’s| is)|tell me)\s+)?(?:today(?:'s|’s) date|the (?:current |present )?(?:date|time)(?: today| now| right now)?|the current date and time)[\s?.!]*$/iu,
  /^what (?:day|date|time|weekday)(?: of the week)? is (?:it|today)(?: today| now| right now)?[\s?.!]*$/iu,
  /^(?:오늘|지금)(?:은|이)?\s*(?:(?:날짜|무슨\s?요일|며칠|몇\s?월\s?며칠|몇\s?일|몇\s?시|시간|시각)(?:가|은|는|이)?\s*(?:뭐|무엇|어떻게\s?돼|언제)?)\s*(?:야|이야|예요|이에요|인가요|입니까|이죠|죠|알려\s?(?:줘|주세요)|인지\s?알려\s?(?:줘|주세요))?[\s?？.!]*$/u,
];

/**
 * The call that answers a question by itself, where the question is nothing but arithmetic or asks for the date or time of day;
 * undefined for every other. No model is needed for these, and documents would only mislead.
 */
export function obviousCall(
  question: string,
  { language, timeZone }: { language: string; timeZone: string },
): ToolCall | undefined {
  const expression = expressionIn(question);
  if (expression !== undefined) return { name: 'builtin.calculator', arguments: { expression } };
  if (!today.some((form) => form.test(question.trim()))) return undefined;
  return { name: 'builtin.now', arguments: { time_zone: timeZone, language } };
}
