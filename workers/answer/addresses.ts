/** Endings that programs take for a link where a name stands alone; with a path after it any ending will do. */
const endings =
  'com|net|org|info|biz|io|co|ai|app|dev|tv|cc|ws|ru|cn|kr|jp|uk|de|fr|eu|tk|ml|ga|cf|gq|su|ly|gg|xyz|site|online|top|club|shop|store|link|click|live|fun|icu|work|zip|mov|cloud|page|space|website|example|test|invalid|한국';
// Bounded, and begun at beginnings of words only: so that reading takes time linear in the text.
const label = '[\\p{L}\\p{N}](?:[\\p{L}\\p{N}-]{0,61}[\\p{L}\\p{N}])?';
const start = '(?<![\\p{L}\\p{N}-])';
/** Up to white space or what encloses an address in a text. */
const rest = '[^\\s<>()[\\]{}"\'`|\\\\]';
const last = '[^\\s<>()[\\]{}"\'`|\\\\.,;:!?]';

const forms = [
  `[a-z][a-z\\d+.-]{1,20}://${rest}*${last}`,
  `(?:javascript|data|vbscript|mailto|tel|sms|file|blob):${rest}*${last}`,
  `(?<![:/\\w])//${label}(?:\\.${label}){1,8}(?:[:/?#]${rest}*${last})?`,
  `(?<![\\w.+-])[\\w.+-]{1,64}@${label}(?:\\.${label}){1,8}`,
  `www\\.${rest}*${last}`,
  `\\d{1,3}(?:\\.\\d{1,3}){3}[:/]${rest}*${last}`,
  `${start}${label}(?:\\.${label}){0,8}\\.\\p{L}{2,24}(?::\\d{2,5})?[/?#](?:${rest}*${last})?`,
  `${start}${label}(?:\\.${label}){0,8}\\.(?:${endings})(?![\\p{L}\\p{N}])`,
];

/** Anything that a program or a person could follow: with or without scheme, mail addresses, names of hosts. */
export const address = new RegExp(forms.map((form) => `(?:${form})`).join('|'), 'giu');

/** Ways to write an address so that only people, or only later programs, read one. */
const disguised = [
  // evil[.]com, evil (dot) com
  new RegExp(
    `(?:[a-z][a-z\\d+.-]{1,20}://)?${start}${label}(?:\\s?[[({]\\s?(?:\\.|dot|점)\\s?[\\])}]\\s?${label}){1,8}(?:[:/?#]${rest}*)?`,
    'giu',
  ),
  // https[:]//…
  new RegExp(`h(?:tt|xx)ps?\\s?[[({]\\s?:(?://)?\\s?[\\])}]${rest}*`, 'giu'),
  // h t t p s : / / …: whatever follows on the line is part of it
  /\bh\s+[tx]\s+[tx]\s+p[^\n]*/giu,
];

/** The text without disguised addresses, and without those that show only once widths, entities and percents are read. */
export function withoutDisguises(text: string): string {
  const plain = disguised.reduce((left, form) => left.replace(form, ''), text);
  return plain.replace(/\S+/gu, (token) => {
    const read = decode(token);
    return read !== token && read.search(address) >= 0 ? '' : token;
  });
}

function decode(token: string): string {
  return token
    .replace(/&#(?:x([\da-f]{1,6})|(\d{1,7}));?/giu, (_, hex: string | undefined, decimal: string) => {
      const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : '';
    })
    .replace(/&(colon|sol|period|commat);/giu, (_, name: string) => entities[name.toLowerCase()] ?? '')
    .normalize('NFKC')
    .replace(/(?<=[a-z\d])[。｡](?=[a-z\d])/giu, '.');
}

const entities: Record<string, string> = { colon: ':', sol: '/', period: '.', commat: '@' };
