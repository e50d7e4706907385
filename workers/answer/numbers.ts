const months = 'january february march april may june july august september october november december'.split(
  ' ',
);
const names = months.map((name) => `${name}|${name.slice(0, name === 'september' ? 4 : 3)}`).join('|');
const englishNumbers = 'zero one two three four five six seven eight nine ten eleven twelve'.split(' ');
const koreanNumbers = ['한', '두', '세', '네', '다섯', '여섯', '일곱', '여덟', '아홉', '열'];
const koreanCounters = '명|개|번|차례|곳|가지|달|살|배|시간|대|장|권|건|주|팀';

const digits = /\d+(?:,\d{3})*(?:\.\d+)?/gu;
const month = new RegExp(
  `\\b(?:${names})\\b(?=\\.?\\s*\\d)|(?<=\\d(?:st|nd|rd|th)?\\s(?:of\\s)?)(?:${names})\\b`,
  'giu',
);
const scales: readonly [RegExp, number][] = [
  [/^\s?(?:만)/u, 1e4],
  [/^\s?(?:억)/u, 1e8],
  [/^\s?(?:조(?=\s?\d|원|\s))/u, 1e12],
  [/^\s?(?:천(?=\s|원|명|개|만))/u, 1e3],
  [/^(?:\s?thousand\b|k\b)/iu, 1e3],
  [/^\s?million\b/iu, 1e6],
  [/^\s?billion\b/iu, 1e9],
];

/**
 * The numbers a text states, as plain decimals: "1,000" → 1000, "05" → 5, "May 3" → 5 and 3, "2만" → 20000. Dates come
 * out as their parts, so "2023-05-03", "2023년 5월 3일" and "May 3, 2023" agree.
 */
export function numbersIn(text: string): Set<string> {
  const found = new Set<string>();
  const folded = text.normalize('NFKC');
  for (const match of folded.matchAll(digits)) found.add(plainNumber(folded, match[0], match.index));
  for (const match of folded.matchAll(month)) {
    const start = match[0].slice(0, 3).toLowerCase();
    found.add(String(months.findIndex((name) => name.startsWith(start)) + 1));
  }
  return found;
}

/** The same with spelled-out small numbers, which a source may use where a claim has digits ("three weeks", "세 명"). */
export function numbersInSource(text: string): Set<string> {
  const found = numbersIn(text);
  const folded = text.normalize('NFKC');
  for (const match of folded.matchAll(
    /\b(zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\b/giu,
  )) {
    found.add(String(englishNumbers.indexOf((match[1] ?? '').toLowerCase())));
  }
  const native = new RegExp(`(${koreanNumbers.join('|')})\\s?(?:${koreanCounters})`, 'gu');
  for (const match of folded.matchAll(native)) found.add(String(koreanNumbers.indexOf(match[1] ?? '') + 1));
  for (const match of folded.matchAll(digits)) found.add(String(Number(match[0].replaceAll(',', ''))));
  return found;
}

function plainNumber(text: string, digitsOf: string, at: number): string {
  const value = Number(digitsOf.replaceAll(',', ''));
  const after = text.slice(at + digitsOf.length, at + digitsOf.length + 12);
  const scale = scales.find(([unit]) => unit.test(after))?.[1] ?? 1;
  // twelve digits: 0.57 × 10⁸ is 56999999.99999999 in binary
  return String(Number((value * scale).toPrecision(12)));
}
