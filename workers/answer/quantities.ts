/** An amount or date that a text states. */
export interface Quantity {
  /** What is counted: `date`, a currency, `%` or the unit that follows. Amounts of one kind can be compared. */
  kind: string;
  /** The same for equal amounts, however they are written. */
  value: string;
  /** As the text has it. */
  shown: string;
}

const months = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const monthName = `(?:${months.map((name) => `${name}[a-z]*`).join('|')})\\.?`;
const dates: readonly [RegExp, readonly ('y' | 'm' | 'd')[]][] = [
  [/(\d{4})\s?년(?:\s?(\d{1,2})\s?월)?(?:\s?(\d{1,2})\s?일)?/gu, ['y', 'm', 'd']],
  [/(\d{1,2})\s?월(?:\s?(\d{1,2})\s?일)?/gu, ['m', 'd']],
  [/\b(\d{4})[-./](\d{1,2})[-./](\d{1,2})\b/gu, ['y', 'm', 'd']],
  [new RegExp(`\\b(${monthName})\\s(\\d{1,2})(?:st|nd|rd|th)?(?:,?\\s(\\d{4}))?\\b`, 'giu'), ['m', 'd', 'y']],
  [new RegExp(`\\b(\\d{1,2})(?:st|nd|rd|th)?\\s(${monthName})(?:,?\\s(\\d{4}))?\\b`, 'giu'), ['d', 'm', 'y']],
  [new RegExp(`\\b(${monthName})\\s(\\d{4})\\b`, 'giu'), ['m', 'y']],
  [
    /(?<=\b(?:in|since|by|from|until|before|after|of|year|during)\s|\()(1[0-9]\d\d|20\d\d)\b(?![.,]?\d|\s?(?:%|[가-힣]))/giu,
    ['y'],
  ],
];

const counters =
  '퍼센트|시간|개월|달러|유로|그램|킬로미터|미터|센티미터|리터|회|일|년|주|월|분|초|원|엔|명|개|번|차례|곳|가지|배|대|장|권|건|팀|점|위|세|살|층|호|톤|평';
const amount = new RegExp(
  `([$€£₩]?)\\s?(\\d+(?:,\\d{3})*(?:\\.\\d+)?)\\s?(만|억|조|천|thousand|million|billion)?\\s?(%|℃|°[CF]?|${counters}|[a-z]+(?:/[a-z]+)?)?`,
  'giu',
);
const scales: Record<string, number> = {
  ...{ 만: 1e4, 억: 1e8, 조: 1e12, 천: 1e3 },
  ...{ thousand: 1e3, million: 1e6, billion: 1e9 },
};
const sameKind: Record<string, string> = {
  ...{ 퍼센트: '%', percent: '%', $: 'dollar', 달러: 'dollar', '€': 'euro', 유로: 'euro' },
  ...{ '₩': 'won', 원: 'won', '£': 'pound', 시간: 'hour', 일: 'day', 분: 'minute', 초: 'second' },
  ...{ 년: 'year', 개월: 'month', 주: 'week', 명: 'person', people: 'person', employee: 'person' },
};

/** The dates and amounts with a unit that a text states; a bare number says not what it counts and is left out. */
export function quantitiesIn(text: string): Quantity[] {
  const found: Quantity[] = [];
  let rest = text.normalize('NFKC');
  for (const [pattern, order] of dates) {
    for (const match of rest.matchAll(pattern)) {
      const part = (of: 'y' | 'm' | 'd') => (order.includes(of) ? (match[order.indexOf(of) + 1] ?? '') : '');
      const value = [part('y'), monthNumber(part('m')), Number(part('d')) || ''].join('-');
      found.push({ kind: 'date', value, shown: match[0].trim() });
    }
    rest = rest.replace(pattern, (match) => ' '.repeat(match.length));
  }
  for (const match of rest.matchAll(amount)) {
    const [shown, currency = '', digits = '', scale = '', unit = ''] = match;
    const kind = kindOf(currency, unit);
    if (kind === '') continue;
    const value = Number(digits.replaceAll(',', '')) * (scales[scale.toLowerCase()] ?? 1);
    found.push({ kind, value: String(Number(value.toPrecision(12))), shown: shown.trim() });
  }
  return found;
}

function kindOf(currency: string, unit: string): string {
  if (currency !== '') return sameKind[currency] ?? currency;
  const lower = unit.toLowerCase();
  const single = lower.length > 3 ? lower.replace(/s$/u, '') : lower;
  return sameKind[lower] ?? sameKind[single] ?? single;
}

function monthNumber(name: string): number | '' {
  if (name === '') return '';
  const at = months.findIndex((month) => name.toLowerCase().startsWith(month));
  return at === -1 ? Number(name) : at + 1;
}
