import { type CheerioAPI, load } from 'cheerio';
import { decodeText } from '../decode-text.ts';
import { createDocumentBuilder } from '../document-builder.ts';
import { declaredCharset, type Parser } from '../formats.ts';
import { type HtmlNode, visibleSteps, writeHtmlBlocks } from '../html-blocks.ts';
import { refuseDeepHtml } from '../html-depth.ts';
import { isoDate } from '../iso-date.ts';
import { singleLine } from '../normalise-text.ts';
import type { ParsedDocument } from '../parsed-document.ts';

/** Web pages: what a reader sees, without navigation where the page marks its main part. */
export const htmlParser: Parser = {
  format: 'html',
  contentTypes: ['text/html', 'application/xhtml+xml'],
  async parse(bytes, hints) {
    return parseHtml(decodeText(bytes, declaredCharset(hints) ?? metaCharset(bytes)));
  },
};

/** HTML text → document. Also the second half of reading a Word file. */
export function parseHtml(html: string): ParsedDocument {
  refuseDeepHtml(html);
  const $ = load(html);
  const builder = createDocumentBuilder();
  writeHtmlBlocks(mainContent($), builder);
  const built = builder.build();
  const heading = built.headings.find(({ level }) => level === 1);
  const title = metaTitle($) || (heading ? built.text.slice(heading.start, heading.end) : '');
  const author = singleLine(meta($, ['author', 'article:author', 'dc.creator', 'dcterms.creator']));
  const date = isoDate(
    meta($, [
      'article:published_time',
      'date',
      'dc.date',
      'dcterms.date',
      'dcterms.created',
      'pubdate',
      'publishdate',
    ]) || $('time[datetime]').first().attr('datetime'),
  );
  const language = /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.exec($('html').attr('lang')?.trim() ?? '')?.[0];
  return {
    ...built,
    ...(title && { title }),
    ...(author && { author }),
    ...(date && { date }),
    ...(language && { language }),
  };
}

/** Encoding named in the first bytes, where HTML wants it; its own name is ASCII in every encoding that needs one. */
function metaCharset(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.subarray(0, 4096)).toString('latin1');
  return (
    /<meta[^>]{0,200}charset\s*=\s*["']?([\w.:-]+)/i.exec(head)?.[1] ??
    /^<\?xml[^>]{0,200}encoding=["']([\w.:-]+)/.exec(head)?.[1]
  );
}

/**
 * The part marked as main, or the only article, if it holds at least half of the text; else everything. Losing a
 * menu is worth little, losing the text of a page that marks its parts wrongly is worth a lot.
 */
function mainContent($: CheerioAPI): HtmlNode[] {
  const body = $('body').toArray();
  for (const selector of ['main, [role="main"]', 'article']) {
    const marked = $(selector).toArray();
    if (marked.length === 1 && visibleLength(marked) * 2 >= visibleLength(body)) return marked;
  }
  return body;
}

function visibleLength(roots: readonly HtmlNode[]): number {
  let length = 0;
  for (const { node } of visibleSteps(roots)) {
    if (node.type === 'text') length += node.data.replace(/\s+/g, '').length;
  }
  return length;
}

function metaTitle($: CheerioAPI): string {
  return (
    singleLine($('head > title').first().text()) ||
    singleLine(meta($, ['og:title', 'dc.title', 'twitter:title']))
  );
}

/** Content of the first of these meta elements that has one; names compare without case. */
function meta($: CheerioAPI, names: string[]): string {
  const found = new Map<string, string>();
  for (const element of $('meta[content]').toArray()) {
    const name = (
      element.attribs.name ??
      element.attribs.property ??
      element.attribs.itemprop ??
      ''
    ).toLowerCase();
    const content = element.attribs.content?.trim() ?? '';
    if (content !== '' && !found.has(name)) found.set(name, content);
  }
  return names.map((name) => found.get(name)).find((content) => content !== undefined) ?? '';
}
