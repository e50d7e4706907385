import { decodeText } from '../decode-text.ts';
import { createDocumentBuilder } from '../document-builder.ts';
import { declaredCharset, type Parser } from '../formats.ts';
import { singleLine } from '../normalise-text.ts';
import { readXmlText, type XmlTag } from '../read-xml.ts';

interface OpenElement {
  name: string;
  attributes: string[];
  texts: string[];
  /** Has elements inside, so that it is no value with a name. */
  parent: boolean;
}

/**
 * XML of any kind: an element with text only becomes a line `name: text`, with its attributes; text mixed with elements
 * becomes a block. What stands under different children of the root stands apart.
 */
export const xmlParser: Parser = {
  format: 'xml',
  contentTypes: [
    'application/xml',
    'text/xml',
    'image/svg+xml',
    'application/rss+xml',
    'application/atom+xml',
  ],
  async parse(bytes, hints) {
    const source = decodeText(bytes, declaredCharset(hints) ?? declaredEncoding(bytes));
    const builder = createDocumentBuilder();
    const open: OpenElement[] = [];
    let apart = true;
    let title = '';
    // Attributes of a drawing say where things stand, not what they are.
    let drawing = false;
    const write = (line: string): void => {
      if (line === '') return;
      builder.block(line, { tight: !apart });
      apart = false;
    };
    /** Text before a child element is a block of its own. */
    const settle = (element: OpenElement | undefined): void => {
      if (element === undefined) return;
      const text = singleLine(element.texts.join(''));
      const [name, value] = [element.name, element.attributes.join('; ')];
      element.texts = [];
      element.attributes = [];
      const inside = [value, text].filter((part) => part !== '').join('; ');
      write(inside === '' ? '' : element.parent && value === '' ? inside : `${name}: ${inside}`);
      if (title === '' && /^title$/i.test(name) && open.length <= 4) title = text;
    };
    readXmlText(source, {
      open(tag) {
        if (open.length === 0) drawing = tag.name === 'svg';
        const above = open.at(-1);
        if (above !== undefined) {
          above.parent = true;
          settle(above);
        }
        if (open.length === 1) apart = true;
        open.push({ name: tag.name, attributes: drawing ? [] : attributesOf(tag), texts: [], parent: false });
      },
      text(data) {
        open.at(-1)?.texts.push(data);
      },
      close(name) {
        const element = open.at(-1);
        if (!(drawing && /^(?:style|script)$/.test(name))) settle(element);
        open.pop();
      },
    });
    return { ...builder.build(), ...(title && { title }) };
  },
};

function attributesOf({ attributes }: XmlTag): string[] {
  return Object.entries(attributes)
    .filter(([name, value]) => !/^xmlns|^xsi:/.test(name) && value.trim() !== '')
    .map(([name, value]) => `${name}: ${singleLine(value)}`);
}

function declaredEncoding(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.subarray(0, 200)).toString('latin1');
  return /^<\?xml[^>]+encoding\s*=\s*["']([\w.-]+)/.exec(head)?.[1];
}
