import { decodeText } from '../decode-text.ts';
import { declaredCharset, type Parser } from '../formats.ts';
import { isoDate } from '../iso-date.ts';
import { findHeadings } from '../markdown-headings.ts';
import { normaliseText } from '../normalise-text.ts';

/** Markdown: the text as it is, with its headings and what its front matter says. */
export const markdownParser: Parser = {
  format: 'md',
  contentTypes: ['text/markdown', 'text/x-markdown'],
  async parse(bytes, hints) {
    const text = normaliseText(decodeText(bytes, declaredCharset(hints)));
    const matter = frontMatter(text);
    const headings = findHeadings(text, matter.end);
    const first = headings.find((heading) => heading.level === 1);
    const title = matter.fields.get('title') ?? (first && text.slice(first.start, first.end));
    const author = matter.fields.get('author');
    const date = isoDate(matter.fields.get('date'));
    return {
      text,
      pages: [],
      headings,
      ...(title && { title }),
      ...(author && { author }),
      ...(date && { date }),
    };
  },
};

/** Single-line fields of the YAML between two `---` lines at the very top; lists and nested values are left alone. */
function frontMatter(text: string): { fields: Map<string, string>; end: number } {
  const fields = new Map<string, string>();
  const matter = /^---[ \t]*\n([\s\S]{0,20000}?)\n(?:---|\.\.\.)[ \t]*(?:\n|$)/.exec(text);
  if (matter === null) return { fields, end: 0 };
  for (const line of (matter[1] ?? '').split('\n')) {
    const [, key, value] = /^([A-Za-z_-]+):[ \t]+(\S.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined || /^[[{|>&*!]/.test(value)) continue;
    fields.set(key.toLowerCase(), value.replace(/^(["'])(.*)\1$/, '$2'));
  }
  return { fields, end: matter[0].length };
}
