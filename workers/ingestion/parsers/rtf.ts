import { createBlockWriter } from '../block-writer.ts';
import { createDocumentBuilder } from '../document-builder.ts';
import type { Parser } from '../formats.ts';
import { readRtf } from '../rtf-text.ts';

/** Rich text, in the code pages of its fonts. */
export const rtfParser: Parser = {
  format: 'rtf',
  contentTypes: ['application/rtf', 'text/rtf'],
  async parse(bytes) {
    const builder = createDocumentBuilder();
    const info = readRtf(
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      createBlockWriter(builder),
    );
    return { ...builder.build(), ...info };
  },
};
