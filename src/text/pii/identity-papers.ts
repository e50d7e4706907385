import type { Span } from './detector.ts';
import { announced, digitsOf, followed, gap, hyphen, namesOther, standsAlone } from './pattern.ts';

const passportWords = /여권|passport|travel document|ppt no/i;
const letterBefore = '(?<![A-Za-z0-9_-])';
/** Korean: M, S, R, O, D or G with eight digits, and since December 2021 with a letter as the fifth sign. */
const korean = new RegExp(
  `${letterBefore}[MSRODG][ -]?(?:\\d{8}|\\d{3}[A-Z]\\d{4})(?![A-Za-z0-9_]|-\\d)`,
  'gi',
);
/** Of other countries, and old Korean ones: two letters and seven digits. */
const foreign = new RegExp(`${letterBefore}[A-Z]{0,2}[ -]?\\d{6,9}[A-Z]?(?![A-Za-z0-9_]|-\\d)`, 'gi');
const passportLabel = /(?:여권|passport)[^\d\n]{0,24}$/i;

/** Passport numbers; beside the Korean ones of ordinary passports only where the text says that they are. */
export function* findPassports(text: string): Generator<Span> {
  for (const { 0: found, index } of text.matchAll(korean)) {
    const span = { start: index, end: index + found.length };
    const ordinary = /^M\d{3}[\dA-Z]\d{4}$/.test(found) && !namesOther(text, span);
    if (ordinary || near(text, span, passportWords)) yield span;
  }
  if (!passportWords.test(text)) return;
  for (const { 0: found, index } of text.matchAll(foreign)) {
    const span = { start: index, end: index + found.length };
    if (announced(text, span, passportLabel, 36)) yield span;
  }
}

const licence = new RegExp(`(?<!\\d)\\d{2}${gap}\\d{2}${gap}\\d{6}${gap}\\d{2}(?!\\d)`, 'g');
const regions = '서울|부산|경기|강원|충북|충남|전북|전남|경북|경남|제주|대구|인천|광주|대전|울산';
/** Until 1999 with the name of the place in letters. */
const oldLicence = new RegExp(`(?:${regions})${gap}?\\d{2}${gap}\\d{6}${gap}\\d{2}(?!\\d)`, 'g');
const plainLicence = /(?<![\dA-Za-z])[A-Z]{0,2}\d{7,12}(?!\d)/gi;
const licenceWords = /면허|driv(?:er'?s?|ing) ?licen[cs]e/i;

/** Korean driver's licences, 2-2-6-2 digits; other shapes where the text says that they are. */
export function* findLicenses(text: string): Generator<Span> {
  for (const { 0: found, index } of text.matchAll(licence)) {
    const span = { start: index, end: index + found.length };
    if (standsAlone(text, span) && !namesOther(text, span)) yield span;
  }
  for (const { 0: found, index } of text.matchAll(oldLicence)) {
    const span = { start: index, end: index + found.length };
    if (standsAlone(text, { ...span, start: index + 2 })) yield span;
  }
  if (!licenceWords.test(text)) return;
  const label = /(?:면허|licen[cs]e)[^\d\n]{0,16}$/i;
  for (const { 0: found, index } of text.matchAll(plainLicence)) {
    const span = { start: index, end: index + found.length };
    const said = announced(text, span, licenceWords) && announced(text, span, label, 24);
    if (said && standsAlone(text, span)) yield span;
  }
}

const hyphenedSsn = new RegExp(
  `(?<!\\d)(?!000|666|9)\\d{3}${hyphen}(?!00)\\d{2}${hyphen}(?!0000)\\d{4}(?!\\d)`,
  'g',
);
const otherSsn = new RegExp(
  `(?<!\\d)(?!000|666|9)\\d{3}(?:${gap})?(?!00)\\d{2}(?:${gap})?(?!0000)\\d{4}(?!\\d)`,
  'g',
);
const ssnWords = /ssn|social security|사회보장/i;

/** United States social security numbers: no 000, 666 or 9xx, no 00, no 0000 in their parts. */
export function* findSocialSecurityNumbers(text: string): Generator<Span> {
  for (const { 0: found, index } of text.matchAll(hyphenedSsn)) {
    const span = { start: index, end: index + found.length };
    if (standsAlone(text, span) && !namesOther(text, span)) yield span;
  }
  if (!ssnWords.test(text)) return;
  for (const { 0: found, index } of text.matchAll(otherSsn)) {
    const span = { start: index, end: index + found.length };
    const named = announced(text, span, ssnWords, 32) && digitsOf(text, span).length === 9;
    if (named && standsAlone(text, span)) yield span;
  }
}

function near(text: string, span: Span, words: RegExp): boolean {
  return announced(text, span, words) || followed(text, span, words, 32);
}
