import { AppError } from '../../../src/errors.ts';
import { createDocumentBuilder } from '../document-builder.ts';
import type { Parser } from '../formats.ts';
import { odfContent, openOdf } from '../odf-package.ts';
import { odfSheetHandlers } from '../odf-sheet.ts';
import { readXml } from '../read-xml.ts';
import { createSheetWriter } from '../sheet-writer.ts';

const maxRows = 1_100_000;

/** OpenDocument spreadsheets: visible sheets under their names. */
export const odsParser: Parser = {
  format: 'ods',
  contentTypes: ['application/vnd.oasis.opendocument.spreadsheet'],
  async parse(bytes) {
    const { pkg, hidden, properties } = await openOdf(bytes);
    const builder = createDocumentBuilder();
    let sheet = createSheetWriter(builder, '');
    let rows = 0;
    const handlers = odfSheetHandlers(
      hidden,
      (name) => {
        sheet.end();
        sheet = createSheetWriter(builder, name);
      },
      (cells) => {
        rows += 1;
        if (rows > maxRows) throw tooLarge();
        sheet.row(cells);
      },
    );
    await readXml(pkg.stream(odfContent), handlers);
    sheet.end();
    return { ...builder.build(), ...properties };
  },
};

function tooLarge(): AppError {
  return new AppError(
    'document_too_large',
    `The spreadsheet has more than ${maxRows.toLocaleString('en')} rows. Save it as several files.`,
  );
}
