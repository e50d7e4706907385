import type { Span } from './detector.ts';
import { announced, digitsOf, followed, gap, hyphen, namesOther, standsAlone } from './pattern.ts';

const hyphened = new RegExp(`(?<!\\d)\\d{3}${hyphen}\\d{2}${hyphen}\\d{5}(?!\\d)`, 'g');
const dotted = /(?<!\d)\d{3}\.\d{2}\.\d{5}(?!\d)/g;
const other = new RegExp(`(?<!\\d)\\d{3}${gap}\\d{2}${gap}\\d{5}(?!\\d)`, 'g');
const plain = /(?<!\d)\d{10}(?!\d)/g;
const corporate = new RegExp(`(?<!\\d)\\d{6}${gap}?\\d{7}(?!\\d)`, 'g');

const words = /사업자|등록번호|고유번호|business|company reg|biz|brn|tax(?:payer)? id/i;
const corporateWords = /법인(?:등록)? ?(?:번호|no)|corporate reg|corporation reg/i;
const near = 32;

/** Korean business registration numbers, 3-2-5 digits, and registration numbers of corporations, 6-7 digits. */
export function* findBusinessNumbers(text: string): Generator<Span> {
  for (const pattern of [hyphened, dotted])
    for (const { span } of spans(text, pattern)) if (!namesOther(text, span)) yield span;
  for (const { span, digits } of spans(text, other))
    if (hasCheckDigit(digits) ? !namesOther(text, span) : isNamed(text, span)) yield span;
  if (words.test(text)) for (const { span } of spans(text, plain)) if (isNamed(text, span)) yield span;
  if (!corporateWords.test(text)) return;
  for (const { span } of spans(text, corporate)) if (announced(text, span, corporateWords, near)) yield span;
}

function isNamed(text: string, span: Span): boolean {
  return announced(text, span, words, near) || followed(text, span, words, 12);
}

function* spans(text: string, pattern: RegExp): Generator<{ span: Span; digits: string }> {
  for (const { 0: found, index } of text.matchAll(pattern)) {
    const span = { start: index, end: index + found.length };
    if (standsAlone(text, span)) yield { span, digits: digitsOf(text, span) };
  }
}

const weights = [1, 3, 7, 1, 3, 7, 1, 3, 5];

/** The tax office's formula: nine weights, and the tens of the last product. */
function hasCheckDigit(digits: string): boolean {
  const sum = weights.reduce((total, weight, i) => total + weight * Number(digits[i]), 0);
  const carry = Math.floor((Number(digits[8]) * 5) / 10);
  return (10 - ((sum + carry) % 10)) % 10 === Number(digits[9]);
}
