import { type Line, linesOf, type TextRange } from '../../src/text/lines.ts';

/** Lines that belong together: a table, fenced code, or a list with whatever belongs to its items. */
export interface TextBlock extends TextRange {
  kind: 'table' | 'code' | 'list';
  /** The line above that announces it (`… as follows:`, `Table 3`). */
  lead: TextRange | null;
  /** The header row of a table, and where what is under it begins. */
  head: (TextRange & { bodyStart: number }) | null;
}

/** A line end that what follows belongs to. */
const leadIn = /[:：]$|(?:다음|아래)(?:과|와) 같(?:다|습니다|음|이)\.?$/;
const caption = /^(?:표|그림|Table|Listing|Figure)\s*[<[(]?\d/i;
const longestLead = 300;

/** A block as far as it is read: a list of a million lines must not be held. */
interface Open {
  kind: TextBlock['kind'];
  lead: TextRange | null;
  first: Line;
  second?: Line;
  third?: Line;
  /** The last line that is not blank. */
  last: Line;
  blankBefore: boolean;
  /** Lines of a table or code, items of a list. */
  count: number;
}

/** Tables and code from two lines on, lists from two items on, in order; they do not overlap. Linear in the text's length. */
export function* blocksOf(text: string): Generator<TextBlock> {
  let open: Open | undefined;
  let above: Line | undefined;
  for (const line of linesOf(text)) {
    if (open !== undefined && goesOn(open, line)) {
      add(open, line);
      if (line.kind !== 'blank') above = line;
      continue;
    }
    if (open !== undefined) yield* closed(open);
    const kind = blockKind(line);
    const lead = kind ? leadOf(above, kind) : null;
    open = kind && { kind, lead, first: line, last: line, blankBefore: false, count: 1 };
    if (line.kind !== 'blank') above = line;
  }
  if (open !== undefined) yield* closed(open);
}

function add(open: Open, line: Line): void {
  open.blankBefore = line.kind === 'blank';
  if (open.blankBefore) return;
  open.last = line;
  if (open.kind !== 'list' || line.kind === 'item') open.count += 1;
  if (open.second === undefined) open.second = line;
  else open.third ??= line;
}

function blockKind({ kind, text }: Line): TextBlock['kind'] | undefined {
  if (kind === 'table' || kind === 'code') return kind;
  return kind === 'item' && !isHeading(text) ? 'list' : undefined;
}

function isHeading(line: string): boolean {
  return /^\s{0,3}#{1,6}\s/.test(line);
}

/** A list goes on over blank lines and over whatever is indented or directly under an item; code over all up to its fence. */
function goesOn({ kind, blankBefore }: Open, line: Line): boolean {
  if (kind !== 'list') return line.kind === kind;
  if (line.kind === 'blank') return !blankBefore;
  if (line.kind === 'item') return !isHeading(line.text);
  return line.kind === 'prose' && (!blankBefore || /^\s/.test(line.text));
}

function leadOf(above: Line | undefined, kind: TextBlock['kind']): TextRange | null {
  if (above === undefined || above.kind === 'code' || above.kind === 'table') return null;
  const words = above.text.trim();
  if (words.length > longestLead || isHeading(above.text)) return null;
  const leads = leadIn.test(words.replace(/[*_]+$/, '')) || (kind !== 'list' && caption.test(words));
  return leads ? trimmed(above) : null;
}

function* closed(open: Open): Generator<TextBlock> {
  const { kind, lead, first, last, count } = open;
  if (count < 2) return;
  yield { kind, start: first.start, end: last.end, lead, head: kind === 'table' ? headOf(open) : null };
}

/** The first row, where a rule stands under it or where it reads like names of columns: filled, distinct, no numbers. */
function headOf({ first, second, third }: Open): TextBlock['head'] {
  if (second === undefined || first.text.length > longestLead) return null;
  const ruled = /^[\s|:+=-]+$/.test(second.text) && second.text.includes('-');
  const cells = first.text
    .replace(/^\s*\||\|\s*$/g, '')
    .split('|')
    .map((cell) => cell.trim());
  const named =
    cells.length > 1 &&
    new Set(cells).size === cells.length &&
    !cells.some((cell) => cell === '' || /^[-+]?[\d.,\s]+%?$/.test(cell));
  const body = ruled ? third : second;
  return body !== undefined && (ruled || named) ? { ...trimmed(first), bodyStart: body.start } : null;
}

function trimmed({ start, end, text }: Line): TextRange {
  return {
    start: start + text.length - text.trimStart().length,
    end: end - (text.length - text.trimEnd().length),
  };
}
