import { findAccounts } from './account.ts';
import { findBusinessNumbers } from './business-number.ts';
import { findCards } from './card.ts';
import {
  contextReach,
  type Detector,
  longestFinding,
  type PiiKind,
  piiKinds,
  type Span,
} from './detector.ts';
import { findEmails } from './email.ts';
import { fold } from './fold.ts';
import { findLicenses, findPassports, findSocialSecurityNumbers } from './identity-papers.ts';
import { findPhones } from './phone.ts';
import { findForeignerNumbers, findResidentNumbers } from './resident-number.ts';

/** One entry a kind; a new kind is a name in `piiKinds` and a line here. */
const detectors: Record<PiiKind, Detector> = {
  email: findEmails,
  business: findBusinessNumbers,
  card: findCards,
  frn: findForeignerNumbers,
  rrn: findResidentNumbers,
  passport: findPassports,
  license: findLicenses,
  ssn: findSocialSecurityNumbers,
  phone: findPhones,
  account: findAccounts,
};

/** Offsets into the text as it was given. */
export interface Finding extends Span {
  kind: PiiKind;
}

/** How far what is found at a place can depend on the text around it; some characters may be invisible ones. */
const reach = 2 * (contextReach + longestFinding);

/** Characters looked at in one go: the memory and time that a text takes stay in proportion to its length. */
const windowLength = 50_000;

/**
 * Personal data in a text, in order, without overlaps: what two detectors see in one place counts once, under the kind of
 * the longer one or the one that comes first in `piiKinds`, and covers both. Linear in the text's length.
 */
export function* findPii(text: string): Generator<Finding> {
  let settled = 0;
  for (let start = 0; start < text.length; start += windowLength) {
    const from = Math.max(0, start - reach);
    const last = start + windowLength >= text.length;
    const until = last ? text.length : start + windowLength;
    for (const { kind, ...span } of findInWindow(text.slice(from, until + reach))) {
      const found = { kind, start: span.start + from, end: span.end + from };
      // What begins in the next window is found there, with all that stands around it.
      if (found.start < settled || found.start < start || found.start >= until) continue;
      settled = found.end;
      yield found;
    }
  }
}

/** No personal number is without two digits in a row, or without a blank or mark between, and no address without its sign. */
const worthLooking = /\p{Nd}[^\p{L}\n]{0,3}\n?[^\p{L}\n]{0,3}\p{Nd}|[@＠]|골뱅이|\b(?:at|AT)\b/u;

/** Nor is any with fewer than six digits, but for an IBAN, whose country and check digits come first. */
const enough =
  /(?:\p{Nd}\P{Nd}*){6}|[@＠]|골뱅이|\b(?:at|AT)\b|\p{Lu}[^\p{L}\n]{0,3}\p{Lu}[^\p{L}\n]{0,3}\p{Nd}/u;

function findInWindow(text: string): Finding[] {
  if (!worthLooking.test(text) || !enough.test(text)) return [];
  const folded = fold(text);
  const found: Finding[] = [];
  for (const kind of piiKinds) for (const span of detectors[kind](folded.text)) found.push({ kind, ...span });
  const own = identifiers(folded.text);
  return merged(found.filter((finding) => !own.some((range) => overlap(range, finding)))).map(
    ({ kind, start, end }) => ({ kind, start: folded.original(start), end: folded.original(end - 1) + 1 }),
  );
}

/** Identifiers of things, which only look as if numbers were in them: UUIDs. */
function identifiers(text: string): Span[] {
  const uuids = text.matchAll(/(?<![0-9a-f-])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![0-9a-f-])/gi);
  return [...uuids].map(({ 0: found, index }) => ({ start: index, end: index + found.length }));
}

function overlap(a: Span, b: Span): boolean {
  return a.start < b.end && b.start < a.end;
}

/** The findings in order; those that overlap as one. */
function merged(found: Finding[]): Finding[] {
  const order = new Map(piiKinds.map((kind, n) => [kind, n]));
  const rank = ({ kind }: Finding) => order.get(kind) ?? 0;
  const result: Finding[] = [];
  for (const finding of found.sort((a, b) => a.start - b.start || rank(a) - rank(b))) {
    const last = result.at(-1);
    if (last === undefined || last.end <= finding.start) {
      result.push({ ...finding });
      continue;
    }
    const longer = finding.end - finding.start - (last.end - last.start);
    if (longer > 0 || (longer === 0 && rank(finding) < rank(last))) last.kind = finding.kind;
    last.end = Math.max(last.end, finding.end);
  }
  return result;
}
