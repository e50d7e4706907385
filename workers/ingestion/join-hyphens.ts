/** What PDFium gives for a hyphen at a line end, line end included. */
const lineHyphen = '\ufffe';

/**
 * Joins words that were broken at line ends: `poten￾tially` becomes `potentially`. The hyphen stays where it is no mere
 * break: beside a capital, a digit or a sign (`GPT-4`), and in compounds that stand in the text elsewhere (`well-known`).
 * Line ends elsewhere stay.
 */
export function joinHyphens(text: string): string {
  if (!text.includes(lineHyphen)) return text;
  const compounds = new Set<string>();
  // Bounded, so that a run of letters without end costs no more than its length.
  for (const [compound] of text.matchAll(/(?<!\p{L})\p{L}{1,40}-\p{L}{1,40}(?!\p{L})/gu))
    compounds.add(compound.toLowerCase());
  const [first = '', ...rest] = text.split(lineHyphen);
  let before = first;
  return rest.reduce((joined, part) => {
    const head = /\p{L}*$/u.exec(before.slice(-40))?.[0] ?? '';
    const tail = /^\p{L}*/u.exec(part.slice(0, 40))?.[0] ?? '';
    before = part;
    const oneWord = /\p{Ll}$/u.test(head) && /^\p{Ll}/u.test(tail);
    return joined + (oneWord && !compounds.has(`${head}-${tail}`.toLowerCase()) ? '' : '-') + part;
  }, first);
}
