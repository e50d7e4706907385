import type { Span } from './detector.ts';
import { announced, digitsOf, followed, gap, hyphen, isAmount, namesOther, standsAlone } from './pattern.ts';

/** Groups of digits that Korean banks write, and nobody else: Kookmin 6-2-6, Shinhan 3-3-6, Woori 4-3-6, Hana 3-6-5 … */
const shapes = [
  [6, 2, 6],
  [3, 3, 6],
  [4, 3, 6],
  [3, 6, 5],
  [3, 6, 2, 3],
  [3, 4, 4, 2],
  [4, 4, 4, 2],
  [4, 2, 7],
  [3, 2, 6],
  [3, 2, 7],
  [3, 2, 6, 1],
];
const shaped = new RegExp(
  `(?<!\\d)(?:${shapes.map((groups) => groups.map((digits) => `\\d{${digits}}`).join(hyphen)).join('|')})(?!\\d)`,
  'g',
);
const grouped = new RegExp(`(?<!\\d)\\d{1,7}(?:${gap}\\d{1,8}){1,4}(?!\\d)`, 'g');
const plain = /(?<!\d)\d{6,17}(?!\d)/g;

const banks =
  '은행|뱅크|농협|축협|신협|수협|새마을|우체국|저축은행|증권|신한|국민|우리|하나|기업|카카오|케이|토스|KB|NH|IBK|SC제일|씨티';
const words =
  /계좌|통장|예금|무통장|입금|송금|이체|환불|은행|뱅크|농협|신협|수협|새마을금고|우체국|account|acct|a\/c|bank|wire|deposit|routing|iban|direct debit/i;
const bankBefore = new RegExp(`(?:${banks})[^\\d\\n]{0,4}$`, 'i');
const bankAfter = new RegExp(`^[ (\\[,/]{0,3}(?:${banks}|[가-힣]{2,4}은행)`, 'i');
/** `account number 12345678`: a label that leaves no doubt, so that fewer digits do. */
const label =
  /(?:계좌|계좌번호|통장번호|account|acct\.?|a\/c|routing|aba|sort code)(?: ?(?:번호|number|no\.?|num|#))?[^\d\n]{0,6}$/i;
const dated = /^(?:19|20)\d{2}\D{1,3}\d{1,2}\D{1,3}\d{1,2}(?!\d)|^(?:(?:19|20)\d{2}\D*){2,}$/;

const iban = /(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])/g;

/** Bank accounts: shapes of Korean banks, other groups of digits where the text names a bank or an account, and IBAN. */
export function* findAccounts(text: string): Generator<Span> {
  for (const { 0: found, index } of text.matchAll(iban)) {
    const span = withinIban(found, index);
    if (span) yield span;
  }
  for (const { 0: found, index } of text.matchAll(shaped)) {
    const span = { start: index, end: index + found.length };
    if (standsAlone(text, span) && !namesOther(text, span)) yield span;
  }
  if (!words.test(text) && !new RegExp(banks, 'i').test(text)) return;
  for (const pattern of [grouped, plain]) {
    for (const { 0: found, index } of text.matchAll(pattern)) {
      const span = { start: index, end: index + found.length };
      if (isCalledAccount(text, span, found)) yield span;
    }
  }
}

function isCalledAccount(text: string, span: Span, found: string): boolean {
  const { length } = digitsOf(text, span);
  const least = announced(text, span, label, 32) ? 6 : 10;
  if (length < least || length > 17 || dated.test(found)) return false;
  if (!standsAlone(text, span) || isAmount(text, span) || namesOther(text, span)) return false;
  const named = announced(text, span, bankBefore, 12) || followed(text, span, bankAfter, 12);
  return (
    named || announced(text, span, words) || followed(text, span, /^[^\d\n]{0,12}(?:계좌|입금|송금|이체)/)
  );
}

/** ISO 13616: moved round and read as a number, it leaves 1 when divided by 97. Words behind it may look like parts of it. */
function withinIban(found: string, start: number): Span | undefined {
  for (let end = found.length; end >= 15; end -= 1) {
    const compact = found.slice(0, end).replaceAll(' ', '');
    if (compact.length > 34 || found[end - 1] === ' ' || /^[A-Z0-9]/.test(found.slice(end))) continue;
    const moved = compact.slice(4) + compact.slice(0, 4);
    const number = moved.replace(/[A-Z]/g, (letter) => String(letter.charCodeAt(0) - 55));
    if (BigInt(number) % 97n === 1n) return { start, end: start + end };
  }
  return undefined;
}
