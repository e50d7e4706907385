import type { BlockWriter } from './block-writer.ts';
import type { XmlHandlers, XmlTag } from './read-xml.ts';

/** Left out: comments, deleted text, declarations, hidden text, what a reader of a slide or page sees only as decoration. */
const skipped = new Set([
  'annotation',
  'tracked-changes',
  'deletion',
  'hidden-text',
  'variable-decls',
  'sequence-decls',
  'forms',
  'ruby-text',
  'binary-data',
  'desc',
]);

/**
 * Handlers that write the text of an OpenDocument (OASIS ODF 1.3 part 3): headings by outline level, list items, tables as
 * rows, the pages of a presentation.
 *
 * @param hidden names of styles whose text is not shown
 */
export function odfHandlers(
  writer: BlockWriter,
  hidden: ReadonlySet<string>,
  beginPage: () => void,
): XmlHandlers {
  let skip = 0;
  let tables = 0;
  let paragraphs = 0;
  let itemOpens = false;
  let level: number | undefined;
  let titleFrame = false;

  function isSkipped(tag: XmlTag): boolean {
    const style = tag.attribute('text:style-name') ?? '';
    return skipped.has(tag.name) || (/^(?:p|h|span)$/.test(tag.name) && hidden.has(style));
  }

  function inline(tag: XmlTag): void {
    if (tag.name === 's') writer.text(' ');
    else if (tag.name === 'tab') writer.text(' ');
    else if (tag.name === 'line-break') writer.lineBreak();
  }

  function open(tag: XmlTag): void {
    const { name } = tag;
    if (name === 'p' || name === 'h') {
      if (paragraphs > 0) writer.flush();
      paragraphs += 1;
      level =
        name === 'h' ? Math.min(Math.max(Number(tag.attribute('text:outline-level') ?? 1), 1), 6) : undefined;
      if (titleFrame) level = 1;
      if (itemOpens && level === undefined) writer.beginItem();
      itemOpens = false;
    } else if (name === 'list-item') itemOpens = true;
    else if (name === 'table') tables += 1;
    else if (name === 'table-row' && tables === 1) writer.beginRow();
    else if (/^(?:table-cell|covered-table-cell)$/.test(name) && tables === 1) writer.beginCell();
    else if (name === 'frame') titleFrame = tag.attributes['presentation:class'] === 'title';
    else if (name === 'page' && tag.attributes['draw:master-page-name'] !== undefined) beginPage();
    else if (paragraphs > 0) inline(tag);
  }

  function close(name: string): void {
    if (name === 'p' || name === 'h') {
      writer.flush(level === undefined ? {} : { headingLevel: level });
      level = undefined;
      paragraphs -= 1;
    } else if (name === 'table') tables -= 1;
    else if (name === 'table-row' && tables === 1) writer.endRow();
    else if (/^(?:table-cell|covered-table-cell)$/.test(name) && tables === 1) writer.endCell();
    else if (name === 'frame') titleFrame = false;
  }

  return {
    open(tag) {
      if (skip > 0 || isSkipped(tag)) skip += 1;
      else open(tag);
    },
    text(data) {
      if (skip === 0 && paragraphs > 0) writer.text(data);
    },
    close(name) {
      if (skip > 0) skip -= 1;
      else close(name);
    },
  };
}
