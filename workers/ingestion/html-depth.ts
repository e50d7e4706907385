import { AppError } from '../../src/errors.ts';

/** No page that people read comes near; the parser's time grows with the square of it. */
const deepest = 5_000;

/** Elements without content, and those that the next one of their kind closes: however many there are, nothing gets deep. */
const flat = new Set(
  'area base br col embed hr img input link meta source track wbr p li dt dd tr td th tbody thead tfoot colgroup option optgroup rt rp'.split(
    ' ',
  ),
);

const marks = /<!--[\s\S]*?(?:-->|$)|<(script|style)\b[\s\S]*?(?:<\/\1|$)|<(\/?)([a-z][\w:-]*)([^<>]*)/gi;

/**
 * Refuses a page that nests deeper than anybody writes, before it is parsed. Linear; an estimate, since only the parser
 * knows what closes what.
 *
 * @throws AppError `document_too_large`
 */
export function refuseDeepHtml(html: string): void {
  let depth = 0;
  for (const [, , closing, name, rest] of html.matchAll(marks)) {
    if (name === undefined || flat.has(name.toLowerCase()) || rest?.endsWith('/')) continue;
    depth = closing === '/' ? Math.max(0, depth - 1) : depth + 1;
    if (depth > deepest)
      throw new AppError(
        'document_too_large',
        `The page nests its elements deeper than the limit of ${deepest.toLocaleString('en')} levels.`,
      );
  }
}
