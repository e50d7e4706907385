import type { Span } from './detector.ts';
import { announced, digitsOf, gap, namesOther, standsAlone } from './pattern.ts';

const number = new RegExp(
  `(?<!\\d)\\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\\d|3[01])${gap}?[1-8]\\d{6}(?!\\d)`,
  'g',
);
const accountLabel = /(?:은행|뱅크|농협|수협|신협|금고|우체국|계좌|통장|account|acct)[^\d\n]{0,8}$/i;
const words = /주민|신분증|등록번호|외국인|생년월일|rrn|resident|registration|alien|foreigner|외국인등록/i;

/** Resident registration numbers of Koreans: the seventh digit, for century and sex, is 1 to 4. */
export function* findResidentNumbers(text: string): Generator<Span> {
  for (const { span, seventh } of registrationNumbers(text)) if (seventh <= 4) yield span;
}

/** The same of foreigners: it is 5 to 8. */
export function* findForeignerNumbers(text: string): Generator<Span> {
  for (const { span, seventh } of registrationNumbers(text)) if (seventh > 4) yield span;
}

/**
 * Six digits of a date of birth and seven more. The last was a check digit until October 2020 and is none since, so it
 * proves a number but its failure disproves none.
 */
function* registrationNumbers(text: string): Generator<{ span: Span; seventh: number }> {
  for (const { 0: found, index } of text.matchAll(number)) {
    const span = { start: index, end: index + found.length };
    const digits = digitsOf(text, span);
    const seventh = Number(digits[6]);
    if (!isDate(digits, seventh) || !standsAlone(text, span)) continue;
    const sure = hasCheckDigit(digits) || announced(text, span, words);
    const inKorean = /^[가-힣]/.test(text.slice(span.end, span.end + 1));
    if (!sure && !inKorean && found.length === 13 && isTimestamp(digits)) continue;
    if (!sure && (namesOther(text, span) || announced(text, span, accountLabel, 24))) continue;
    yield { span, seventh };
  }
}

/** February has 29 days where either century gives a leap year: tests and typing errors use any seventh digit. */
function isDate(digits: string, seventh: number): boolean {
  const [year, month, day] = [0, 2, 4].map((at) => Number(digits.slice(at, at + 2))) as [
    number,
    number,
    number,
  ];
  const century = [1, 2, 5, 6].includes(seventh) ? 1900 : 2000;
  return day <= new Date(Date.UTC(century + year, month, 0)).getUTCDate();
}

/** Milliseconds since 1970, of 2008 to 2033. */
function isTimestamp(digits: string): boolean {
  return digits >= '1200000000000' && digits < '2000000000000';
}

const weights = [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5];

/** 주민등록법 시행규칙, before its change of October 2020; two more for foreigners. */
function hasCheckDigit(digits: string): boolean {
  const sum = weights.reduce((total, weight, i) => total + weight * Number(digits[i]), 0);
  const check = (11 - (sum % 11)) % 10;
  const foreigner = Number(digits[6]) > 4;
  return Number(digits[12]) === (foreigner ? (check + 2) % 10 : check);
}
