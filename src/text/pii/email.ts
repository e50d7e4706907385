import type { Span } from './detector.ts';

const hangulTop = '한국|닷컴|닷넷|삼성';
/** Top-level domains by which an address with blanks around its signs is told from a sentence. */
const commonTop =
  'com|net|org|edu|gov|info|biz|io|ai|co|me|app|dev|kr|jp|cn|uk|us|de|fr|eu|example|한국|닷컴|닷넷';
/** What ends like a domain but is a file: `icon@2x.png`. */
const fileEnd = /\.(?:png|jpe?g|gif|svg|webp|avif|bmp|ico|pdf|html?|css|js|mjs|ts|tsx|jsx|json|xml|zip|md)$/i;

const localSign = "A-Za-z0-9À-ɏ.!#$%&'*+/=?^_`{|}~-";
const local = new RegExp(`(?:[${localSign}]{1,64}|[가-힣][가-힣${localSign}]{0,63})$`);
const label = '[A-Za-z0-9À-ɏ가-힣](?:[A-Za-z0-9À-ɏ가-힣_-]{0,62})';
const domain = new RegExp(
  `(?:${label}\\.){1,8}(?:xn--[a-z0-9-]{2,58}|[A-Za-z]{2,24}|${hangulTop})(?![A-Za-z0-9])`,
  'iy',
);

/** `kim (at) example (dot) com`, `kim 골뱅이 example.com`, `kim @ example.com`, and line ends around the signs. */
const at =
  '(?: {0,2}\\n? {0,2}@ {0,2}\\n? {0,2}| {0,2}[\\[({<] ?(?:at|골뱅이) ?[\\])}>] {0,2}| {1,2}골뱅이 {1,2}| AT )';
const dot = '(?:\\.\\n?| ?[\\[({<] ?(?:dot|점) ?[\\])}>] ?| DOT )';
const name = '[A-Za-z0-9_-]';
const loose = new RegExp(
  `(?<![A-Za-z0-9._%+-])${name}{1,30}(?:[.+]${name}{1,30}){0,3}${at}(?:[A-Za-z0-9-]{1,63}${dot}){1,4}(?:${commonTop})(?![A-Za-z0-9-])`,
  'g',
);
const looseSign = /@|[[({<] ?(?:at|골뱅이)|골뱅이| AT /;

/**
 * Addresses of e-mail (RFC 5322 dot-atoms, letters of Latin and Hangul), ended by the particle behind them, if any: a
 * top-level domain is ASCII, punycode or one of the Korean ones.
 */
export function* findEmails(text: string): Generator<Span> {
  for (let sign = text.indexOf('@'); sign >= 0; sign = text.indexOf('@', sign + 1)) {
    const found = addressAt(text, sign);
    if (found) yield found;
  }
  if (!looseSign.test(text)) return;
  for (const { 0: found, index } of text.matchAll(loose)) {
    const word = /^(?:us|me|now|and|is|are|it|see|meet|look)[ \n]|^git@/i.test(found);
    if (!word && !fileEnd.test(found)) yield { start: index, end: index + found.length };
  }
}

function addressAt(text: string, sign: number): Span | undefined {
  domain.lastIndex = sign + 1;
  const after = domain.exec(text)?.[0];
  if (after === undefined) return undefined;
  const before = local.exec(text.slice(Math.max(0, sign - 64), sign))?.[0] ?? '';
  const name = ownName(before);
  if (name === '') return undefined;
  const host = withoutNextSentence(after);
  if (fileEnd.test(host) || /\.{2}|-\.|\.-/.test(host)) return undefined;
  // The address of a repository for ssh, which is everybody's.
  if (name === 'git' && text[sign + 1 + host.length] === ':') return undefined;
  return { start: sign - name.length, end: sign + 1 + host.length };
}

/** Words before a name in other letters are not of it: `메일은kim`. Nor are quotes, brackets and dots around it. */
function ownName(before: string): string {
  const trimmed = before.replace(/^[^A-Za-z0-9À-ɏ가-힣_]+/, '').replace(/^mailto:/i, '');
  const latin = /[A-Za-z0-9À-ɏ_][^가-힣]*$/.exec(trimmed)?.[0];
  if (latin === undefined) return trimmed.endsWith('.') ? '' : trimmed;
  const last = latin.split(/[=/|?&'`{}]/).at(-1) ?? '';
  return last.endsWith('.') ? '' : last.replace(/^[.!#$%^*+~-]+/, '');
}

/** A sentence that begins right after the full stop: `kim@example.com.Please`. */
function withoutNextSentence(host: string): string {
  return host.replace(/(\.[a-z]{2,})\.[A-Z][a-z]+$/, '$1');
}
