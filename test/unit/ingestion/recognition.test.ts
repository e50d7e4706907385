import { describe, expect, it } from 'vitest';
import { parseDocument } from '../../../workers/ingestion/parse-document.ts';
import { createParsers } from '../../../workers/ingestion/parsers/registry.ts';
import { openPdf } from '../../../workers/ingestion/pdfium.ts';
import { recogniserOpener } from '../../../workers/ingestion/recogniser.ts';
import { pdf, scannedPdf } from '../../support/fixtures/ingestion/pdf.ts';

const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');

async function scan(): Promise<Buffer> {
  const picture = (await openPdf(pdf(['The harvest was late this year']))).renderPage(0);
  return scannedPdf(picture ?? Buffer.alloc(0));
}

describe('text recognition', () => {
  it('is asked for by scanned files and pictures when it is off', async () => {
    const parsers = createParsers();
    await expect(parseDocument(await scan(), {}, parsers)).rejects.toMatchObject({
      code: 'document_needs_ocr',
      message: expect.stringMatching(/OCR=true/),
    });
    await expect(parseDocument(png, {}, parsers)).rejects.toMatchObject({ code: 'document_needs_ocr' });
  });

  it('reads a scanned page, and refuses a picture that is damaged', async () => {
    const parsers = createParsers(recogniserOpener());
    const { document } = await parseDocument(await scan(), {}, parsers);
    expect(document.text).toBe('The harvest was late this year');
    expect(document.pages).toHaveLength(1);
    await expect(parseDocument(png, {}, parsers)).rejects.toMatchObject({ code: 'document_unreadable' });
  });
});
