import type { BlockWriter } from './block-writer.ts';
import type { XmlHandlers } from './read-xml.ts';

/** Left out: what the program keeps beside the text. */
const skipped = new Set(['hiddenComment', 'parameters', 'fieldBegin', 'deleteBegin', 'script', 'secPr']);

/** Handlers that write the text of a section: paragraphs, tables as rows, text of shapes and notes where they are anchored. */
export function hwpxHandlers(writer: BlockWriter): XmlHandlers {
  let skip = 0;
  let tables = 0;
  let text = 0;
  return {
    open({ name }) {
      if (skip > 0 || skipped.has(name)) {
        skip += 1;
        return;
      }
      // A paragraph inside a shape or a note comes in the middle of the one it is anchored in.
      if (name === 'subList') writer.flush();
      else if (name === 'tbl') {
        writer.flush();
        tables += 1;
      } else if (name === 'tr' && tables === 1) writer.beginRow();
      else if (name === 'tc' && tables === 1) writer.beginCell();
      else if (name === 't') text += 1;
      else if (text > 0 && name === 'lineBreak') writer.lineBreak();
      else if (text > 0 && /^(?:tab|nbSpace|fwSpace)$/.test(name)) writer.text(' ');
      else if (text > 0 && name === 'hyphen') writer.text('-');
    },
    text(data) {
      if (text > 0 && skip === 0) writer.text(data);
    },
    close(name) {
      if (skip > 0) {
        skip -= 1;
        return;
      }
      if (name === 't') text -= 1;
      else if (name === 'p') writer.flush();
      else if (name === 'tc' && tables === 1) writer.endCell();
      else if (name === 'tr' && tables === 1) writer.endRow();
      else if (name === 'tbl') tables -= 1;
    },
  };
}
