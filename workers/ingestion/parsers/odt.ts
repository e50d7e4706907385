import { createBlockWriter } from '../block-writer.ts';
import { createDocumentBuilder } from '../document-builder.ts';
import type { Parser } from '../formats.ts';
import { odfContent, openOdf } from '../odf-package.ts';
import { odfHandlers } from '../odf-text.ts';
import type { ParsedDocument } from '../parsed-document.ts';
import { readXml } from '../read-xml.ts';

/** OpenDocument texts. */
export const odtParser: Parser = {
  format: 'odt',
  contentTypes: [
    'application/vnd.oasis.opendocument.text',
    'application/vnd.oasis.opendocument.text-template',
  ],
  parse: parseOdf,
};

/** OpenDocument presentations: a page a slide. */
export const odpParser: Parser = {
  format: 'odp',
  contentTypes: [
    'application/vnd.oasis.opendocument.presentation',
    'application/vnd.oasis.opendocument.graphics',
  ],
  parse: parseOdf,
};

async function parseOdf(bytes: Uint8Array): Promise<ParsedDocument> {
  const { pkg, hidden, properties } = await openOdf(bytes);
  const builder = createDocumentBuilder();
  const writer = createBlockWriter(builder);
  const handlers = odfHandlers(writer, hidden, () => {
    writer.flush();
    builder.beginPage();
  });
  await readXml(pkg.stream(odfContent), handlers);
  writer.flush();
  const built = builder.build();
  const heading = built.headings.find(({ level }) => level === 1);
  const title = heading && built.text.slice(heading.start, heading.end);
  return { ...built, ...(title && { title }), ...properties };
}
