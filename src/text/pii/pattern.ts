import { contextReach, type Span } from './detector.ts';

/** A line may end on either side of a separator, and blanks stand there. */
const space = ' {0,2}(?:\\n {0,2})?';
/** Between two groups of digits: a mark, blanks or a line end. */
export const gap = `(?:${space}[-./~_]{1,2}${space}| {1,2}(?:\\n {0,2})?|\\n {0,2})`;
/** The same with a hyphen only. */
export const hyphen = `(?:${space}-${space})`;

/** The matches as spans, without a bracket that has no partner in them. */
export function* matches(text: string, pattern: RegExp): Generator<Span> {
  for (const { 0: found, index } of text.matchAll(pattern)) {
    const opens = found.startsWith('(') && !found.includes(')') ? 1 : 0;
    const closes = found.endsWith(')') && !found.includes('(') ? 1 : 0;
    yield { start: index + opens, end: index + found.length - closes };
  }
}

/**
 * The matches of a global pattern at every group of digits, also within one another: of `2024 4111 1111 1111 1111` the second
 * is a card's number.
 */
export function* everyMatch(text: string, pattern: RegExp): Generator<Span> {
  for (let at = 0; ; ) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null) return;
    yield { start: match.index, end: match.index + match[0].length };
    at = match.index + (/^\d+/.exec(match[0])?.[0].length ?? 1);
  }
}

export function digitsOf(text: string, { start, end }: Span): string {
  return text.slice(start, end).replace(/\D+/g, '');
}

/** Letters that may be glued to the number which they announce: `Tel010…`, `M.010…`; and a line end as code writes it. */
const glued =
  /(?:^|[^A-Za-z])(?:tel|hp|h\.p|cp|c\.p|ph|phone|mobile|mob|cell|fax|call|acct|account|ssn|rrn|card|no|[tmhpfc])[-.]?$|\\[nrt]$/i;

/**
 * Whether a number is a whole one, rather than part of a longer number, a decimal, an amount, a hash or a name.
 */
export function standsAlone(text: string, { start, end }: Span): boolean {
  const before = text.slice(Math.max(0, start - 12), start);
  const after = text.slice(end, end + 4);
  const found = text.slice(start, end);
  const plain = /^\d+$/.test(found);
  if (/[\d$₩€£¥\\]$|\d[A-Za-z]*-$/.test(before) || /^(?:\d|-\d)/.test(after)) return false;
  if ((plain ? /[A-Za-z]-?$/ : /[A-Za-z]$/).test(before) && !glued.test(before)) return false;
  if (!plain && !found.includes('.')) return true;
  if (/\d\.$/.test(before) || /^\.\d/.test(after)) return false;
  return !plain || !(/\d,$|_$/.test(before) || /^(?:[A-Za-z_%]|,\d{3})/.test(after));
}

/** Whether words that match stand shortly before the number; the pattern should end with `$` where they must adjoin it. */
export function announced(text: string, { start }: Span, words: RegExp, reach = contextReach): boolean {
  return words.test(text.slice(Math.max(0, start - reach), start));
}

/** Whether words that match stand shortly after the number; the pattern should begin with `^` where they must adjoin it. */
export function followed(text: string, { end }: Span, words: RegExp, reach = contextReach): boolean {
  return words.test(text.slice(end, end + reach));
}

const otherLabel =
  /(?:주문|운송장|송장|예약|접수|상품|제품|품목|모델|품번|시리얼|일련|관리|버전|사건|문서|특허|출원|허가|인증|우편|도서|부품|바코드|order|tracking|invoice|model|serial|version|part|sku|product|item|ticket|reference|ref|build|isbn(?:-1[03])?|issn|doi|ean|upc|patent|barcode)s?(?: {0,2}(?:번호|코드|id|no\.?|num(?:ber)?|code|#))?[은는이가의]? {0,2}(?:is|was)?[ :#=("'\-[]{0,4}$/i;

/** Whether the text itself says that the number is of something else: an order, a parcel, a book, a model. */
export function namesOther(text: string, span: Span): boolean {
  return announced(text, span, otherLabel, 32);
}

/** Whether a number counts or costs something: `12345678901원`. */
export function isAmount(text: string, span: Span): boolean {
  return followed(
    text,
    span,
    /^ ?(?:원|만|억|천|달러|엔|유로|개|명|건|년|주|톤|won\b|krw\b|usd\b|dollars?\b|%)/i,
    12,
  );
}
