import { readXml } from './read-xml.ts';

export interface WordStyle {
  /** 1 … 6 where paragraphs of this style are headings. */
  headingLevel?: number;
  /** Text of this style is not shown. */
  hidden?: boolean;
}

interface Declared extends WordStyle {
  basedOn?: string;
}

/** What the styles of a Word file say (ECMA-376 part 1, 17.7), each with what it inherits, by style id. */
export async function wordStyles(part: AsyncIterable<Uint8Array>): Promise<Map<string, WordStyle>> {
  const declared = new Map<string, Declared>();
  let current: Declared | undefined;
  await readXml(part, {
    open(tag) {
      const value = tag.attribute('w:val') ?? '';
      if (tag.name === 'style') {
        current = {};
        declared.set(tag.attribute('w:styleId') ?? '', current);
      } else if (current === undefined) return;
      else if (tag.name === 'name') {
        const level = levelOfName(value);
        if (level !== undefined) current.headingLevel = level;
      } else if (tag.name === 'basedOn') current.basedOn = value;
      else if (tag.name === 'outlineLvl' && Number(value) < 9)
        current.headingLevel ??= Math.min(Number(value) + 1, 6);
      else if (tag.name === 'vanish') current.hidden = isOn(tag.attribute('w:val'));
    },
    close(name) {
      if (name === 'style') current = undefined;
    },
  });
  return new Map([...declared.keys()].map((id) => [id, inherited(declared, id)]));
}

/** The value of an on/off property, which is on when it just stands there (17.17.4). */
export function isOn(value: string | undefined): boolean {
  return !/^(?:0|false|off)$/.test(value ?? '');
}

/** Word writes these names in English whatever its language; others write what their user sees. */
function levelOfName(name: string): number | undefined {
  if (/^(?:title|제목)$/i.test(name)) return 1;
  const level = /^(?:heading|제목|개요|überschrift|titre|título|titolo|標題|标题|見出し)\s*([1-9])$/i.exec(
    name,
  )?.[1];
  return level === undefined ? undefined : Math.min(Number(level), 6);
}

function inherited(declared: ReadonlyMap<string, Declared>, id: string): WordStyle {
  const found: WordStyle = {};
  const seen = new Set<string>();
  for (let next: string | undefined = id; next !== undefined && !seen.has(next); ) {
    seen.add(next);
    const style: Declared | undefined = declared.get(next);
    if (found.headingLevel === undefined && style?.headingLevel !== undefined)
      found.headingLevel = style.headingLevel;
    if (found.hidden === undefined && style?.hidden !== undefined) found.hidden = style.hidden;
    next = style?.basedOn;
  }
  return found;
}
