import { decodeText } from '../decode-text.ts';
import { declaredCharset, type Parser } from '../formats.ts';
import { normaliseText } from '../normalise-text.ts';

/** Plain text, in any encoding. */
export const textParser: Parser = {
  format: 'txt',
  contentTypes: ['text/plain'],
  async parse(bytes, hints) {
    return { text: normaliseText(decodeText(bytes, declaredCharset(hints))), pages: [], headings: [] };
  },
};
