import type { BlockWriter } from './block-writer.ts';
import type { XmlHandlers, XmlTag } from './read-xml.ts';
import { isOn, type WordStyle } from './word-styles.ts';

/** Left out: deleted and moved-away text, second versions for older programs, reading aids over characters. */
const skipped = new Set(['del', 'moveFrom', 'Fallback', 'rt', 'instrText', 'delText']);

interface Paragraph {
  headingLevel?: number | undefined;
  item: boolean;
}

/** Half points up to which letters are too small for any reader: one point. */
const leastSize = 2;

/**
 * Handlers that write the text of a WordprocessingML part (ECMA-376 part 1, 17.3): headings by style or outline level,
 * list items, tables as rows; hidden runs are left out.
 */
export function wordHandlers(styles: ReadonlyMap<string, WordStyle>, writer: BlockWriter): XmlHandlers {
  const paragraphs: Paragraph[] = [];
  /** Elements that are open inside properties, runs and what is left out, as counters. */
  const depth = { skip: 0, table: 0, paragraphProperties: 0, run: 0, runProperties: 0, text: 0 };
  let hidden = false;

  function property(tag: XmlTag, paragraph: Paragraph | undefined): void {
    const value = tag.attribute('w:val') ?? '';
    if (tag.name === 'vanish' && depth.run > 0) hidden = isOn(tag.attribute('w:val'));
    else if (tag.name === 'sz' && depth.run > 0) hidden ||= Number(value) <= leastSize;
    else if (tag.name === 'rStyle') hidden ||= styles.get(value)?.hidden === true;
    else if (paragraph === undefined || depth.paragraphProperties === 0) return;
    else if (tag.name === 'pStyle') paragraph.headingLevel = styles.get(value)?.headingLevel;
    else if (tag.name === 'outlineLvl')
      paragraph.headingLevel = Number(value) < 9 ? Math.min(Number(value) + 1, 6) : undefined;
    else if (tag.name === 'numId') paragraph.item = value !== '0';
  }

  function content(name: string): void {
    if (name === 'br' || name === 'cr') writer.lineBreak();
    else if (name === 'tab' || name === 'ptab') writer.text(' ');
    else if (name === 'noBreakHyphen') writer.text('-');
  }

  function beginBlock(name: string): void {
    if (name === 'p') {
      paragraphs.push({ item: false });
      hidden = false;
    } else if (name === 'txbxContent') writer.flush();
    else if (name === 'tbl') depth.table += 1;
    // A table inside a cell is part of that cell: a row stays one line.
    else if (name === 'tr' && depth.table === 1) writer.beginRow();
    else if (name === 'tc' && depth.table === 1) writer.beginCell();
  }

  function endBlock(name: string): void {
    if (name === 'p') {
      const headingLevel = paragraphs.pop()?.headingLevel;
      writer.flush(headingLevel === undefined ? {} : { headingLevel });
    } else if (name === 'tbl') depth.table = Math.max(0, depth.table - 1);
    else if (name === 'tr' && depth.table === 1) writer.endRow();
    else if (name === 'tc' && depth.table === 1) writer.endCell();
  }

  return {
    open(tag) {
      const { name } = tag;
      if (depth.skip > 0 || skipped.has(name)) {
        depth.skip += 1;
        return;
      }
      if (name === 'pPr') depth.paragraphProperties += 1;
      else if (name === 'rPr') depth.runProperties += 1;
      else if (depth.paragraphProperties > 0 || depth.runProperties > 0) property(tag, paragraphs.at(-1));
      else if (name === 'r') {
        depth.run += 1;
        hidden = false;
      } else if (name === 't') depth.text += 1;
      else if (depth.run > 0 && !hidden) content(name);
      beginBlock(name);
    },
    text(data) {
      if (depth.text > 0 && depth.skip === 0 && !hidden) writer.text(data);
    },
    close(name) {
      if (depth.skip > 0) {
        depth.skip -= 1;
        return;
      }
      if (name === 'pPr') {
        depth.paragraphProperties -= 1;
        const paragraph = paragraphs.at(-1);
        if (paragraph?.item && paragraph.headingLevel === undefined) writer.beginItem();
      } else if (name === 'rPr') depth.runProperties -= 1;
      else if (name === 'r') {
        depth.run -= 1;
        hidden = false;
      } else if (name === 't') depth.text -= 1;
      endBlock(name);
    },
  };
}
