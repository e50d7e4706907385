import type { Span } from './detector.ts';
import {
  announced,
  digitsOf,
  followed,
  gap,
  hyphen,
  isAmount,
  matches,
  namesOther,
  standsAlone,
} from './pattern.ts';

const country = `(?:\\(?(?:\\+|00)?82\\)?${gap}?(?:\\(0\\)|0)?${gap}?)`;
const rest = `\\)?${gap}?\\d{3,4}${gap}?\\d{4}(?!\\d)`;
const mobile = new RegExp(`(?<!\\d)(?:${country}\\(?|\\(?0)1[016789]${rest}`, 'g');
/** Areas, internet telephony (070), toll-free and paid (080, 060, 030), and numbers for life (050x). */
const area = '(?:2|3[1-3]|4[1-4]|5[1-5]|6[1-4]|70|80|60|30|50\\d)';
const landline = new RegExp(`(?<!\\d)(?:${country}\\(?|\\(?0)${area}${rest}`, 'g');

/** Numbers of companies for the whole country: eight digits. */
const nationwide = new RegExp(
  `(?<!\\d)1(?:5(?:22|33|44|55|66|77|88|99)|6(?:00|11|22|33|44|55|61|66|68|70|77|88|99)|8(?:00|11|22|33|44|55|66|77|88|99))${hyphen}\\d{4}(?!\\d)`,
  'g',
);

/** North America, with an area in brackets, or in parts of 3-3-4 digits. */
const american = new RegExp(
  `(?<!\\d)(?:\\+?1${gap})?(?:\\(\\d{3}\\)${gap}?\\d{3}${gap}\\d{4}|\\d{3}${gap}\\d{3}${gap}\\d{4})(?!\\d)`,
  'g',
);
const sameMarks = /^(?:1[-.])?\d{3}([-.])\d{3}\1\d{4}$/;
/** Areas and exchanges never begin with 0 or 1. */
const americanCodes = /^1?[2-9]\d{2}[2-9]\d{6}$/;

const step = '(?:\\)? {1,2}\\(?|\\)? ?[-./] ?\\n? ?\\(?|\\)|\\(| ?\\n)';
/** ITU-T E.164: a plus sign (or 00), and at most fifteen digits. */
const international = new RegExp(
  `(?<![\\w+])\\(?(?:\\+|00)[1-9]\\d{0,14}(?:${step}\\d{1,14}){0,6}(?!\\d)`,
  'g',
);

/** With a trunk prefix: United Kingdom, Japan, Germany, France and others. */
const trunk =
  /(?<!\d)(?:\(0\d{1,4}\) ?\d{3,4}[- ]?\d{3,4}|0\d{1,4}(?:-\d{2,4}-\d{3,4}| \d{3,4} \d{3,4})|0[1-9](?:[ .-]\d{2}){4})(?!\d)/g;

/** Whatever else a text calls a telephone number. */
const any = new RegExp(`(?<![\\d+])\\(?\\d{2,4}\\)?${gap}?\\d{3,4}(?:${gap}?\\d{3,4})?(?!\\d)`, 'g');
const words =
  /전화|연락처|연락|휴대폰|핸드폰|휴대전화|폰번호|팩스|직통|대표번호|콜센터|고객센터|문의|통화|문자|tel|phone|mobile|cell|fax|hotline|whatsapp|call|contact|text me|dial|ring/i;
const label =
  /(?:전화|연락처|휴대폰|핸드폰|휴대전화|팩스|직통|대표번호|콜센터|고객센터|문의|tel|telephone|phone|mobile|cell|fax|hotline|whatsapp|call|dial)(?: ?(?:번호|number|no\.?|num|#))?[^\d\n]{0,6}$/i;
const years = /^(?:19|20)\d{2}\D*(?:19|20)\d{2}$/;
const date = /^(?:19|20)\d{2}\D\d{1,2}\D\d{1,2}/;

/** Telephone numbers: Korean mobile and fixed ones in every writing, E.164, North American, and what is named as one. */
export function* findPhones(text: string): Generator<Span> {
  for (const span of matches(text, mobile)) if (isKorean(text, span)) yield span;
  for (const span of matches(text, landline)) if (isKorean(text, span)) yield span;
  for (const span of matches(text, nationwide))
    if (standsAlone(text, span) && (!looksLikeYears(text, span) || announced(text, span, label, 24)))
      yield span;
  for (const span of matches(text, american)) if (isAmerican(text, span)) yield span;
  for (const span of matches(text, international)) {
    const own = withinInternational(text, span);
    if (own) yield own;
  }
  for (const span of matches(text, trunk)) if (isTrunk(text, span)) yield span;
  if (!words.test(text)) return;
  for (const span of matches(text, any)) if (isCalledPhone(text, span)) yield span;
}

function isKorean(text: string, span: Span): boolean {
  if (!standsAlone(text, span)) return false;
  const found = text.slice(span.start, span.end);
  // Without a separator it may as well be a code that begins with nought.
  return !/^\d+$/.test(found) || (!namesOther(text, span) && !isAmount(text, span));
}

/** `1588-1600`: from one year to a later one. */
function looksLikeYears(text: string, span: Span): boolean {
  const digits = digitsOf(text, span);
  const [from, to] = [Number(digits.slice(0, 4)), Number(digits.slice(4))];
  return to >= from && to <= 2100;
}

function isAmerican(text: string, span: Span): boolean {
  if (!standsAlone(text, span)) return false;
  const found = text.slice(span.start, span.end);
  if (found.startsWith('(') || found.startsWith('+')) return true;
  if (announced(text, span, words)) return true;
  if (/[/_~]/.test(found)) return false;
  if (sameMarks.test(found)) return !namesOther(text, span);
  // Columns of numbers stand in threes and fours as well.
  const column =
    !/[.-]/.test(found) && (announced(text, span, /\d ?$/, 2) || followed(text, span, /^ ?\d/, 2));
  return americanCodes.test(digitsOf(text, span)) && !column && !namesOther(text, span);
}

/** Another number may follow: as many groups of digits as one number can have, which are eleven digits behind +1. */
function withinInternational(text: string, span: Span): Span | undefined {
  let found = text.slice(span.start, span.end);
  const most = /^\(?\+1/.test(found) ? 11 : /^\(?001/.test(found) ? 13 : 15;
  while (found.replace(/\D+/g, '').length > most) found = found.replace(/(?:^|\D+)\d+\D*$/, '');
  const groups = found.split(/\D+/).filter((part) => part !== '').length;
  const digits = found.replace(/\D+/g, '').length;
  const enough = found.includes('+') ? digits >= 8 : groups >= 3 && digits >= 11;
  const own = { start: span.start, end: span.start + found.length };
  return enough && standsAlone(text, own) ? own : undefined;
}

function isTrunk(text: string, span: Span): boolean {
  const { length } = digitsOf(text, span);
  const least = text.slice(span.start, span.end).includes('-') ? 9 : 10;
  return length >= least && length <= 12 && standsAlone(text, span) && !namesOther(text, span);
}

function isCalledPhone(text: string, span: Span): boolean {
  const found = text.slice(span.start, span.end);
  const { length } = digitsOf(text, span);
  if (length < 7 || length > 12 || years.test(found) || date.test(found)) return false;
  if (!announced(text, span, label, 32) || !standsAlone(text, span)) return false;
  return !isAmount(text, span) && !followed(text, span, /^ ?(?:people|users|subscribers|units|homes)/i);
}
