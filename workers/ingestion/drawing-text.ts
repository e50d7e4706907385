import type { BlockWriter } from './block-writer.ts';
import type { ZipPackage } from './inspect-zip.ts';
import { relationsOf } from './ooxml.ts';
import { readXml, type XmlHandlers } from './read-xml.ts';

/** Shapes and frames of DrawingML, any of which can be hidden. */
const shapes = new Set(['sp', 'grpSp', 'graphicFrame', 'pic', 'cxnSp']);
/** Placeholders that repeat what stands on every slide. */
const repeated = new Set(['sldNum', 'dt', 'ftr', 'hdr', 'sldImg']);
const titles = new Set(['title', 'ctrTitle']);

/**
 * Handlers that write the text of DrawingML (ECMA-376 part 1, 21.1): paragraphs, tables, titles of slides as headings. Left
 * out: hidden shapes, whole slides marked as hidden, numbers and footers of slides, second versions for older programs.
 */
export function drawingHandlers(writer: BlockWriter): XmlHandlers {
  const open: string[] = [];
  let placeholder = '';
  /** Depth of the element whose content is left out. */
  let skipFrom = Number.POSITIVE_INFINITY;
  let inText = false;
  const skips = (): boolean => open.length >= skipFrom;
  return {
    open(tag) {
      const { name } = tag;
      open.push(name);
      if (skips()) return;
      if (name === 'Fallback' || (name === 'sld' && tag.attribute('show') === '0')) skipFrom = open.length;
      else if (name === 'cNvPr' && /^(?:1|true)$/.test(tag.attribute('hidden') ?? ''))
        skipFrom = shapeDepth(open);
      else if (shapes.has(name)) placeholder = '';
      else if (name === 'ph') {
        placeholder = tag.attribute('type') ?? '';
        if (repeated.has(placeholder)) skipFrom = shapeDepth(open);
      } else if (name === 't' || name === 'text') inText = true;
      else if (name === 'br') writer.lineBreak();
      else if (name === 'tr') writer.beginRow();
      else if (name === 'tc') writer.beginCell();
    },
    text(data) {
      if (inText && !skips()) writer.text(data);
    },
    close(name) {
      const skipped = skips();
      open.pop();
      if (open.length < skipFrom) skipFrom = Number.POSITIVE_INFINITY;
      if (name === 't' || name === 'text') inText = false;
      if (skipped) return;
      if (name === 'p') writer.flush(titles.has(placeholder) ? { headingLevel: 1 } : {});
      else if (name === 'tc') writer.endCell();
      else if (name === 'tr') writer.endRow();
      else if (shapes.has(name)) placeholder = '';
    },
  };
}

function shapeDepth(open: readonly string[]): number {
  return open.findLastIndex((name) => shapes.has(name)) + 1 || open.length;
}

/** Writes the charts and diagrams that a part refers to. */
export async function writeGraphics(pkg: ZipPackage, part: string, writer: BlockWriter): Promise<void> {
  for (const { type, target } of await relationsOf(pkg, part)) {
    if (!pkg.has(target)) continue;
    if (type === 'diagramData') await readXml(pkg.stream(target), drawingHandlers(writer));
    if (type === 'chart') await readXml(pkg.stream(target), chartHandlers(writer));
  }
}

/** A chart as lines: its titles, then for each series its name and `category: value` pairs (ECMA-376 part 1, 21.2). */
function chartHandlers(writer: BlockWriter): XmlHandlers {
  const drawing = drawingHandlers(writer);
  let series: { name: string; categories: string[]; values: string[] } | undefined;
  let part = '';
  let value: string | undefined;
  const take = (text: string): void => {
    if (part === 'tx' && series) series.name = text;
    if (part === 'cat' || part === 'xVal') series?.categories.push(text);
    if (part === 'val' || part === 'yVal') series?.values.push(text);
  };
  return {
    open(tag) {
      if (tag.name === 'ser') series = { name: '', categories: [], values: [] };
      else if (/^(?:tx|cat|val|xVal|yVal)$/.test(tag.name)) part = tag.name;
      else if (tag.name === 'v') value = '';
      drawing.open?.(tag);
    },
    text(data) {
      if (value !== undefined) value += data;
      else drawing.text?.(data);
    },
    close(name) {
      if (name === 'v') {
        take(value ?? '');
        value = undefined;
      } else if (name === 'ser' && series !== undefined) {
        const { name: label, categories, values } = series;
        const pairs = values.map((one, i) => (categories[i] ? `${categories[i]}: ${one}` : one));
        writer.flush();
        writer.text([label, ...pairs].filter((text) => text !== '').join(' | '));
        writer.flush();
        series = undefined;
      }
      drawing.close?.(name);
    },
  };
}
