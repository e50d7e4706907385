/** Kinds of personal data, in the order of precedence where findings overlap. */
export const piiKinds = [
  'email',
  'business',
  'card',
  'frn',
  'rrn',
  'passport',
  'license',
  'ssn',
  'phone',
  'account',
] as const;
export type PiiKind = (typeof piiKinds)[number];

/** Offsets, end exclusive. */
export interface Span {
  start: number;
  end: number;
}

/** Finds what is of its kind in a folded text, in any order, overlaps allowed. Linear in the text's length. */
export type Detector = (text: string) => Iterable<Span>;

/** What a detector looks at on either side of a finding, at most: words that say what a number is. */
export const contextReach = 48;

/** Longest finding, in characters of the folded text: an address of e-mail. */
export const longestFinding = 320;
