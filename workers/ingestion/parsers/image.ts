import { AppError } from '../../../src/errors.ts';
import { createDocumentBuilder } from '../document-builder.ts';
import type { Parser } from '../formats.ts';
import type { OpenRecogniser } from '../recogniser.ts';

/** Pictures: what text recognition reads on them, if it is switched on. */
export function createImageParser(openRecogniser: OpenRecogniser | undefined): Parser {
  return {
    format: 'image',
    contentTypes: ['image/png', 'image/jpeg', 'image/webp'],
    async parse(bytes) {
      if (openRecogniser === undefined)
        throw new AppError(
          'document_needs_ocr',
          'The file is a picture. Set OCR=true to have text recognised in pictures, or send the text itself.',
        );
      const recogniser = await openRecogniser();
      const builder = createDocumentBuilder();
      builder.beginPage();
      builder.block(recogniser.read(bytes));
      return builder.build();
    },
  };
}
