import type { DocumentBuilder } from './document-builder.ts';
import { singleLine } from './normalise-text.ts';

/** Gathers inline text and hands it on as blocks, list items and table rows. */
export interface BlockWriter {
  text(data: string): void;
  lineBreak(): void;
  /** Ends the block. Inside a table cell blocks only end words: a row stays one line. */
  flush(options?: { headingLevel?: number }): void;
  beginItem(): void;
  beginRow(): void;
  endRow(): void;
  beginCell(): void;
  endCell(): void;
  beginPre(): void;
  endPre(): void;
}

// White space as HTML collapses it, no-break space included: a reader can't tell them apart.
const blanks = /[ \t\n\r\f\u00a0]+/g;

export function createBlockWriter(builder: DocumentBuilder): BlockWriter {
  let inline: string[] = [];
  let row: string[] | undefined;
  let inCell = false;
  let pre = 0;
  let item = false;
  // Rows and list items stand on lines after each other, whatever else stands apart.
  let last: 'row' | 'item' | 'block' = 'block';

  function write(text: string, kind: typeof last, headingLevel?: number): void {
    if (text.trim() === '') return;
    const tight = kind !== 'block' && kind === last;
    builder.block(text, { tight, ...(headingLevel !== undefined && { headingLevel }) });
    last = kind;
  }

  function take(): string {
    const text = inline
      .join('')
      .replace(/ *\n */g, '\n')
      .trim();
    inline = [];
    return text;
  }

  return {
    text(data) {
      if (row !== undefined && !inCell && data.trim() === '') return;
      inline.push(pre > 0 && !inCell ? data : data.replace(blanks, ' '));
    },
    lineBreak() {
      inline.push(inCell ? ' ' : '\n');
    },
    flush({ headingLevel } = {}) {
      if (inCell) {
        inline.push(' ');
        return;
      }
      if (pre > 0) return;
      const text = take().replace(/ {2,}/g, ' ');
      if (headingLevel !== undefined) write(singleLine(text), 'block', headingLevel);
      else if (item && text !== '') write(`- ${text}`, 'item');
      else write(text, 'block');
      if (text !== '') item = false;
    },
    beginItem() {
      this.flush();
      item = !inCell;
    },
    beginRow() {
      this.flush();
      row = [];
    },
    endRow() {
      if (inCell) this.endCell();
      const cells = row ?? [];
      row = undefined;
      if (cells.some((cell) => cell !== '')) write(cells.join(' | '), 'row');
    },
    beginCell() {
      if (inCell) this.endCell();
      row ??= [];
      inline = [];
      inCell = true;
    },
    endCell() {
      row?.push(singleLine(take()));
      inCell = false;
    },
    beginPre() {
      this.flush();
      pre += 1;
    },
    endPre() {
      pre = Math.max(0, pre - 1);
      if (pre > 0 || inCell) return;
      const code = inline.join('').replace(/^\n+|\s+$/g, '');
      inline = [];
      item = false;
      write(code.includes('\n') ? `\`\`\`\n${code}\n\`\`\`` : code, 'block');
    },
  };
}
