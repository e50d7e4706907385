import type { Cheerio, CheerioAPI } from 'cheerio';
import { createBlockWriter } from './block-writer.ts';
import type { DocumentBuilder } from './document-builder.ts';
import { hidesText } from './hidden-style.ts';

type Root = ReturnType<CheerioAPI['root']> extends Cheerio<infer T> ? T : never;
/** Any node of a parsed page. */
export type HtmlNode = Root | Root['children'][number];
type Element = Extract<HtmlNode, { attribs: object }>;

const skipped = new Set(
  'script style template noscript head svg canvas iframe object embed audio video map datalist'.split(' '),
);
const blocks = new Set(
  'address article aside blockquote body center dd details dialog div dl dt fieldset figcaption figure footer form header hgroup hr html legend li main menu nav ol p section summary table tbody tfoot thead tr ul caption'.split(
    ' ',
  ),
);

/** Whether a reader would not see the element. */
export function isHidden(element: Element): boolean {
  const { attribs, name } = element;
  if (skipped.has(name)) return true;
  if ('hidden' in attribs || attribs['aria-hidden'] === 'true') return true;
  return 'style' in attribs && hidesText(attribs.style);
}

type Step = { node: HtmlNode; leaving?: true };

/** Every visible node under the roots in document order, elements on entering and on leaving; without recursion, so depth is harmless. */
export function* visibleSteps(roots: readonly HtmlNode[]): Generator<Step> {
  const stack: Step[] = roots.map((node) => ({ node })).reverse();
  for (let step = stack.pop(); step !== undefined; step = stack.pop()) {
    const { node, leaving } = step;
    if (leaving || !('children' in node)) {
      yield step;
      continue;
    }
    if ('attribs' in node && isHidden(node)) continue;
    yield step;
    stack.push({ node, leaving: true });
    for (let i = node.children.length - 1; i >= 0; i -= 1) {
      const child = node.children[i];
      if (child !== undefined) stack.push({ node: child });
    }
  }
}

/**
 * Tables that only arrange the page: those with a heading or another table inside. Their cells are text like any other;
 * the cells of a real table become one line a row.
 */
function layoutTables(roots: readonly HtmlNode[]): Set<HtmlNode> {
  const open: HtmlNode[] = [];
  const layout = new Set<HtmlNode>();
  for (const { node, leaving } of visibleSteps(roots)) {
    if (!('name' in node)) continue;
    if (node.name === 'table' && leaving) open.pop();
    const marks = !leaving && (node.name === 'table' || /^h[1-6]$/.test(node.name));
    // Outer tables of a marked one are marked already.
    for (let i = open.length - 1; marks && i >= 0; i -= 1) {
      const table = open[i];
      if (table === undefined || layout.has(table)) break;
      layout.add(table);
    }
    if (node.name === 'table' && !leaving) open.push(node);
  }
  return layout;
}

/**
 * Writes what a reader sees of the nodes: paragraphs apart by blank lines, `- ` before list items, `a | b` for table rows,
 * preformatted text between code fences, headings with their level.
 */
export function writeHtmlBlocks(roots: readonly HtmlNode[], builder: DocumentBuilder): void {
  const layout = layoutTables(roots);
  const writer = createBlockWriter(builder);
  const tables: boolean[] = [];
  for (const { node, leaving } of visibleSteps(roots)) {
    if (node.type === 'text') writer.text(node.data);
    if (!('name' in node)) continue;
    const heading = /^h([1-6])$/.exec(node.name)?.[1];
    const inData = tables.at(-1) === true;
    if (node.name === 'table' && !leaving) {
      writer.flush();
      tables.push(!layout.has(node));
    } else if (node.name === 'table') {
      writer.flush();
      tables.pop();
    } else if (inData && node.name === 'tr') leaving ? writer.endRow() : writer.beginRow();
    else if (inData && (node.name === 'td' || node.name === 'th'))
      leaving ? writer.endCell() : writer.beginCell();
    else if (node.name === 'br' && !leaving) writer.lineBreak();
    else if (node.name === 'pre') leaving ? writer.endPre() : writer.beginPre();
    else if (heading !== undefined)
      leaving ? writer.flush({ headingLevel: Number(heading) }) : writer.flush();
    else if (node.name === 'li' && !leaving) writer.beginItem();
    else if (blocks.has(node.name) || node.name === 'td' || node.name === 'th') writer.flush();
  }
  writer.flush();
}
