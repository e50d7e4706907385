import iconv from 'iconv-lite';
import type { BlockWriter } from './block-writer.ts';
import { isoDate } from './iso-date.ts';
import { singleLine } from './normalise-text.ts';
import { type RtfToken, rtfTokens } from './rtf-tokens.ts';

export interface RtfInfo {
  title?: string;
  author?: string;
  date?: string;
}

/** Destinations that are no text of the document. `\*` marks further ones that a reader may not know. */
const skipped = new Set(
  'colortbl filetbl listtable listoverridetable revtbl rsidtbl generator pict object objdata nonshppict themedata colorschememapping latentstyles datastore xmlnstbl fldinst bkmkstart bkmkend header headerl headerr headerf footer footerl footerr footerf ftnsep ftnsepc aftnsep mmathPr pgptbl template sp atnid atnauthor annotation atrfstart atrfend'.split(
    ' ',
  ),
);
const infoFields = new Set(['title', 'author']);

/** Code page by the character set of a font ("Font Table"). */
const charsets = new Map([
  [0, 1252],
  [77, 10000],
  [128, 932],
  [129, 949],
  [130, 1361],
  [134, 936],
  [136, 950],
  [161, 1253],
  [162, 1254],
  [163, 1258],
  [177, 1255],
  [178, 1256],
  [186, 1257],
  [204, 1251],
  [222, 874],
  [238, 1250],
]);
const signs = new Map([
  ['emdash', '—'],
  ['endash', '–'],
  ['lquote', '‘'],
  ['rquote', '’'],
  ['ldblquote', '“'],
  ['rdblquote', '”'],
  ['bullet', '•'],
  ['~', ' '],
  ['_', '-'],
  ['tab', ' '],
  ['emspace', ' '],
  ['enspace', ' '],
]);

interface Group {
  destination: string;
  hidden: boolean;
  font: number;
  /** Characters that stand for one \u in a reader without Unicode. */
  fallback: number;
  styleLevel: number | undefined;
}

/** Reads RTF and writes its text: paragraphs, tables as rows, outline levels as headings. Hidden text is left out. */
export function readRtf(source: Buffer, writer: BlockWriter): RtfInfo {
  const fonts = new Map<number, string>();
  const styles = new Map<number, number>();
  const info = new Map<string, string>();
  const stack: Group[] = [];
  let group: Group = { destination: '', hidden: false, font: -1, fallback: 1, styleLevel: undefined };
  let codePage = 'windows-1252';
  let defaultFont = 0;
  let definedFont = 0;
  let definedStyle = 0;
  let pending: Buffer[] = [];
  let toSkip = 0;
  let ignorable = false;
  let headingLevel: number | undefined;
  let inRow = false;
  let inCell = false;

  const encoding = (): string => fonts.get(group.font < 0 ? defaultFont : group.font) ?? codePage;

  function text(data: string): void {
    if (infoFields.has(group.destination))
      info.set(group.destination, (info.get(group.destination) ?? '') + data);
    else if (group.destination === 'stylesheet') {
      const level = /^\s*(?:heading|제목|개요|见出し|標題)\s*([1-9])/i.exec(data)?.[1];
      if (level !== undefined) styles.set(definedStyle, Math.min(Number(level), 6));
    } else if (group.destination === '' && !group.hidden) {
      beginCell();
      writer.text(data);
    }
  }

  /** A cell begins with its first text: a row ends after its last cell's mark. */
  function beginCell(): void {
    if (!inRow || inCell) return;
    writer.beginCell();
    inCell = true;
  }

  function endCell(): void {
    beginCell();
    writer.endCell();
    inCell = false;
  }

  /** Bytes of one character may come as several tokens, so they are decoded when something else follows. */
  function settle(): void {
    if (pending.length === 0) return;
    const bytes = Buffer.concat(pending);
    pending = [];
    text(iconv.decode(bytes, encoding()));
  }

  function bytes(data: Buffer): void {
    const rest = data.subarray(Math.min(toSkip, data.length));
    toSkip -= data.length - rest.length;
    if (rest.length > 0) pending.push(rest);
  }

  function unicode(value: number): void {
    settle();
    text(String.fromCharCode(value < 0 ? value + 65_536 : value));
    toSkip = group.fallback;
  }

  function beginDestination(word: string): boolean {
    if (ignorable && !/^(?:shptxt|shpinst|shppict)$/.test(word)) group.destination = 'skipped';
    else if (skipped.has(word)) group.destination = 'skipped';
    else if (/^(?:fonttbl|stylesheet|info)$/.test(word)) group.destination = word;
    else if (group.destination === 'info') group.destination = word;
    else return false;
    return true;
  }

  function property(word: string, value: number | undefined): void {
    if (group.destination === 'creatim' && value !== undefined) info.set(word, String(value));
    else if (word === 'ansicpg' && value !== undefined) codePage = encodingOf(value) ?? codePage;
    else if (word === 'mac') codePage = 'macintosh';
    else if (word === 'deff') defaultFont = value ?? 0;
    else if (word === 'f') {
      group.font = value ?? 0;
      definedFont = value ?? 0;
    } else if (word === 'fcharset' && group.destination === 'fonttbl') {
      const name = encodingOf(charsets.get(value ?? 0) ?? 0);
      if (name !== undefined && value !== 0) fonts.set(definedFont, name);
    } else if (word === 'cpg' && group.destination === 'fonttbl') {
      const name = encodingOf(value ?? 0);
      if (name !== undefined) fonts.set(definedFont, name);
    } else if (word === 's' && group.destination === 'stylesheet') definedStyle = value ?? 0;
    else if (word === 's') headingLevel = styles.get(value ?? 0);
    else if (word === 'outlinelevel' && group.destination === '' && (value ?? 9) < 9)
      headingLevel = Math.min((value ?? 0) + 1, 6);
    else if (word === 'uc') group.fallback = value ?? 1;
    else if (word === 'v') group.hidden = value !== 0;
    else if (word === 'plain') {
      group.hidden = false;
      group.font = -1;
    } else layout(word);
  }

  function layout(word: string): void {
    const sign = signs.get(word);
    if (sign !== undefined) text(sign);
    else if (group.destination !== '') return;
    else if (word === 'par' || word === 'sect' || word === 'page')
      writer.flush(headingLevel === undefined || inRow ? {} : { headingLevel });
    else if (word === 'line') writer.lineBreak();
    else if (word === 'pard') headingLevel = undefined;
    // A row may take over the definition of the one before it, so its cells' paragraphs open it too.
    else if ((word === 'trowd' || word === 'intbl') && !inRow) {
      writer.beginRow();
      inRow = true;
    } else if (word === 'cell' && inRow) endCell();
    else if (word === 'row' && inRow) {
      writer.endRow();
      inRow = false;
      inCell = false;
    }
  }

  function take(token: RtfToken): void {
    if (token.kind === 'bytes') {
      bytes(token.bytes);
      return;
    }
    if (token.kind === 'word' && token.word === 'u') {
      unicode(token.value ?? 0);
      return;
    }
    settle();
    if (token.kind === 'open') {
      stack.push(group);
      group = { ...group };
    } else if (token.kind === 'close') group = stack.pop() ?? group;
    else if (token.word === '*') ignorable = true;
    else if (!beginDestination(token.word)) property(token.word, token.value);
    if (token.kind !== 'word' || token.word !== '*') ignorable = false;
    toSkip = 0;
  }

  for (const token of rtfTokens(source)) take(token);
  settle();
  if (inRow) writer.endRow();
  writer.flush();
  return rtfInfo(info);
}

function rtfInfo(fields: ReadonlyMap<string, string>): RtfInfo {
  const title = singleLine(fields.get('title') ?? '');
  const author = singleLine(fields.get('author') ?? '');
  const [year, month, day] = ['yr', 'mo', 'dy'].map((part) => fields.get(part));
  const date = isoDate(`${year}-${month}-${day}`);
  return { ...(title && { title }), ...(author && { author }), ...(date && { date }) };
}

function encodingOf(codePage: number): string | undefined {
  if (codePage === 65_001) return 'utf8';
  const name = codePage === 10_000 ? 'macintosh' : `cp${codePage}`;
  return iconv.encodingExists(name) ? name : undefined;
}
