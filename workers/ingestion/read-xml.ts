import { TextDecoder } from 'node:util';
import { Parser } from 'htmlparser2';
import { AppError } from '../../src/errors.ts';
import { encodingOfMark } from './decode-text.ts';

/** Elements that may stand in each other; documents need less than a hundred. */
const maxDepth = 1_000;

/** An opening tag; names come without their prefix, in small letters as the file has them. */
export interface XmlTag {
  /** `tbl` of `w:tbl`. */
  name: string;
  /** Value of an attribute by its full name (`r:id`), else of the first one with this name after its prefix. */
  attribute(name: string): string | undefined;
  attributes: Readonly<Record<string, string>>;
}

export interface XmlHandlers {
  open?(tag: XmlTag): void;
  close?(name: string): void;
  /** Text between tags, entities resolved; may come in pieces. */
  text?(data: string): void;
}

/**
 * Reads XML from end to end without holding it. Only the five entities of XML itself and character references are
 * resolved; a document type that declares something of its own is refused, so nothing can multiply and nothing is fetched.
 *
 * @throws AppError `document_unreadable`: entities, elements nested beyond the limit, or cut short
 */
export async function readXml(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  handlers: XmlHandlers,
): Promise<void> {
  const reader = xmlReader(handlers);
  let decoder: TextDecoder | undefined;
  for await (const part of source) {
    decoder ??= new TextDecoder(encodingOf(part));
    reader.write(decoder.decode(part, { stream: true }));
  }
  reader.write(decoder?.decode() ?? '');
  reader.end();
}

/** The same for a text in memory. */
export function readXmlText(text: string, handlers: XmlHandlers): void {
  const reader = xmlReader(handlers);
  reader.write(text);
  reader.end();
}

function encodingOf(start: Uint8Array): string {
  const head = Buffer.from(start.buffer, start.byteOffset, Math.min(start.length, 200));
  const marked = encodingOfMark(head);
  if (marked === 'utf16le') return 'utf-16le';
  if (marked === 'utf16be') return 'utf-16be';
  const declared = /^(?:\xef\xbb\xbf)?<\?xml[^>]+encoding\s*=\s*["']([\w.-]+)/.exec(
    head.toString('latin1'),
  )?.[1];
  try {
    return new TextDecoder(declared ?? 'utf-8').encoding;
  } catch {
    return 'utf-8'; // a name that nobody knows: what nearly all XML is in
  }
}

function xmlReader(handlers: XmlHandlers): { write(text: string): void; end(): void } {
  let depth = 0;
  const parser = new Parser(
    {
      onopentag(fullName, attributes) {
        depth += 1;
        if (depth > maxDepth) throw tooDeep();
        handlers.open?.(tagOf(fullName, attributes));
      },
      onclosetag(fullName, implied) {
        depth -= 1;
        // `<a/>` is closed by implication too, but never with anything open inside it.
        if (implied && ended) throw cutShort();
        handlers.close?.(localName(fullName));
      },
      ontext(data) {
        handlers.text?.(data);
      },
      onprocessinginstruction(name, data) {
        if (/^!(?:doctype|entity)/i.test(name) && (data.includes('[') || /^!entity/i.test(name)))
          throw withEntities();
      },
    },
    { xmlMode: true, decodeEntities: true },
  );
  let ended = false;
  return {
    write: (text) => {
      if (text !== '') parser.write(text);
    },
    end() {
      ended = true;
      parser.end();
    },
  };
}

function tagOf(fullName: string, attributes: Record<string, string>): XmlTag {
  return {
    name: localName(fullName),
    attributes,
    attribute(name) {
      const value = attributes[name];
      if (value !== undefined) return value;
      const suffix = `:${name.slice(name.indexOf(':') + 1)}`;
      const key = Object.keys(attributes).find((candidate) => candidate.endsWith(suffix));
      return key === undefined ? undefined : attributes[key];
    },
  };
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

function withEntities(): AppError {
  return new AppError(
    'document_unreadable',
    'The file declares a document type with entities of its own in its XML; such entities are not resolved. Save it without them.',
  );
}

function tooDeep(): AppError {
  return new AppError(
    'document_unreadable',
    `The XML in the file is nested deeper than ${maxDepth.toLocaleString('en')} elements.`,
  );
}

function cutShort(): AppError {
  return new AppError('document_unreadable', 'The XML in the file is cut short.');
}
