/** UTF-16 offsets into a text, end exclusive. */
export interface TextRange {
  start: number;
  end: number;
}

/** A line without its `\n`; `code` for the lines of a fenced block, fences included. */
export interface Line extends TextRange {
  text: string;
  kind: 'blank' | 'code' | 'table' | 'item' | 'prose';
}

const listMark =
  /^\s*(?:[-*+•·▪◦‣○●◎□■◆◇※▶▷–—]\s|\(?\d{1,3}[.)]\s|\(\d{1,3}\)|[①-⑳]|[가나다라마바사아자차카타파하][.)]\s|#{1,6}\s|>\s)/;
// `Name: value` and `path.to[0].it: value` lines stand for themselves.
const keyed = /^\s*[^\s:|.!?]{1,60}(?: [^\s:|.!?]{1,30}){0,3}:\s/;

/** The lines of a text with what they are. */
export function* linesOf(text: string): Generator<Line> {
  let fence: string | undefined;
  for (let start = 0; start <= text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(start, end);
    const mark = /^\s{0,12}(`{3,}|~{3,})([^`]*)$/.exec(line);
    const within = fence !== undefined;
    if (fence === undefined) fence = mark?.[1];
    else if (mark?.[1]?.startsWith(fence) && mark[2]?.trim() === '') fence = undefined;
    yield { start, end, text: line, kind: within || fence !== undefined ? 'code' : kindOf(line) };
    start = end + 1;
  }
}

function kindOf(line: string): Line['kind'] {
  if (line.trim() === '') return 'blank';
  if (/^\s*\||\s\|\s/.test(line)) return 'table';
  return listMark.test(line) || keyed.test(line) ? 'item' : 'prose';
}

/**
 * The stretches of a text that no sentence crosses. A line end inside a paragraph is only a wrap, and the sentence goes on,
 * when the next line begins in lower case or when the line is about as long as its paragraph's longest, as text set to
 * a width is; blank lines, list items, table rows, `key: value` lines and code always end a sentence.
 */
export function unwrapLines(text: string): TextRange[] {
  const ranges: TextRange[] = [];
  let paragraph: Line[] = [];
  const close = (): void => {
    joinWraps(paragraph, ranges);
    paragraph = [];
  };
  for (const line of linesOf(text)) {
    if (line.kind === 'blank') close();
    else paragraph.push(line);
  }
  close();
  return ranges;
}

function joinWraps(paragraph: readonly Line[], ranges: TextRange[]): void {
  const widths = paragraph.map((line) => (line.text.length > 250 ? 0 : displayWidth(line.text)));
  const widest = widths.reduce((most, width) => Math.max(most, width), 0);
  let open: TextRange | undefined;
  paragraph.forEach((line, i) => {
    const above = paragraph[i - 1];
    const runsOn = above !== undefined && isWrap(above, line, widths[i - 1] ?? 0, widest);
    if (open !== undefined && runsOn) open.end = line.end;
    else {
      open = { start: line.start, end: line.end };
      ranges.push(open);
    }
  });
}

function isWrap(above: Line, line: Line, width: number, widest: number): boolean {
  if (line.kind !== 'prose' || above.kind === 'table' || above.kind === 'code' || /^\s*#/.test(above.text))
    return false;
  if (/^\s*\p{Ll}/u.test(line.text)) return true;
  return widest >= 40 && width >= widest * 0.75;
}

/** Columns of a fixed-width font: Hangul, Han and Kana take two. */
function displayWidth(line: string): number {
  return (
    line.length +
    (line.match(/[\u1100-\u115f\u3000-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]/g)?.length ?? 0)
  );
}
