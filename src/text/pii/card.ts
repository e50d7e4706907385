import type { Span } from './detector.ts';
import { announced, digitsOf, everyMatch, gap, namesOther, standsAlone } from './pattern.ts';

const grouped = new RegExp(`(?<!\\d)\\d{4}(?:${gap}\\d{4}){3}(?!\\d)`, 'g');
const long = new RegExp(`(?<!\\d)\\d{4}(?:${gap}\\d{4}){3}${gap}\\d{1,3}(?!\\d)`, 'g');
/** American Express 4-6-5, Diners Club 4-6-4. */
const uneven = new RegExp(`(?<!\\d)3\\d{3}${gap}\\d{6}${gap}\\d{4,5}(?!\\d)`, 'g');
const plain = /(?<!\d)\d{13,19}(?!\d)/g;
/** Any other grouping, for numbers that are said to be a card's. */
const loose = new RegExp(`(?<!\\d)\\d{2,8}(?:${gap}\\d{2,8}){1,5}(?!\\d)`, 'g');

/** Issuer identification numbers with the lengths that their schemes use; 9: Korean cards for home use. */
const brands =
  /^(?:4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:2(?:2[1-9]|[3-9]\d)|[3-6]\d\d|7(?:[01]\d|20))\d{12}|2200\d{12}|3[47]\d{13}|3(?:0[0-59]|[689]\d)\d{11,13}|35(?:2[89]|[3-8]\d)\d{12,15}|6(?:011|4[4-9]\d|5\d\d)\d{12}|62\d{14,17}|(?:50|5[6-8]|6[0-9])\d{14,17}|9\d{15})$/;

const words = /카드|결제|신용|체크|비자|마스터|아멕스|card|visa|master|amex|credit|debit|pay/i;

/** Payment cards: 13 to 19 digits that satisfy Luhn's formula (ISO/IEC 7812-1) under a prefix that some scheme issues. */
export function* findCards(text: string): Generator<Span> {
  for (const pattern of [grouped, long, uneven, plain])
    for (const span of everyMatch(text, pattern)) if (isCard(text, span)) yield span;
  if (!words.test(text)) return;
  for (const span of everyMatch(text, loose))
    if (isCard(text, span) && announced(text, span, words)) yield span;
}

function isCard(text: string, span: Span): boolean {
  const digits = digitsOf(text, span);
  if (!brands.test(digits) || !satisfiesLuhn(digits) || !standsAlone(text, span)) return false;
  if (announced(text, span, words)) return true;
  // One number in ten satisfies the formula: what may be a bar code, or has the prefix of no scheme, has to look like a card's.
  const plainNine = digits.startsWith('9') && digits.length === span.end - span.start;
  return !plainNine && !isBarCode(digits) && !namesOther(text, span);
}

/** EAN-13, by its check digit. */
function isBarCode(digits: string): boolean {
  if (digits.length !== 13) return false;
  const sum = [...digits].reduce((total, digit, i) => total + Number(digit) * (i % 2 === 0 ? 1 : 3), 0);
  return sum % 10 === 0;
}

function satisfiesLuhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 48;
    sum += i % 2 === 0 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2;
  }
  // All zeros satisfy it as well.
  return sum % 10 === 0 && sum > 0;
}
