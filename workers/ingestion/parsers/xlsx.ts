import { AppError } from '../../../src/errors.ts';
import { createBlockWriter } from '../block-writer.ts';
import { cellKinds } from '../cell-format.ts';
import { createDocumentBuilder, type DocumentBuilder } from '../document-builder.ts';
import { drawingHandlers, writeGraphics } from '../drawing-text.ts';
import type { Parser } from '../formats.ts';
import { openPackage, type ZipPackage } from '../inspect-zip.ts';
import { coreProperties, mainPartOf, partsOf, relationsOf } from '../ooxml.ts';
import { readXml } from '../read-xml.ts';
import { sheetHandlers, type Workbook } from '../sheet-rows.ts';
import { createSheetWriter } from '../sheet-writer.ts';

const maxRows = 1_100_000;
const maxPlaces = 20_000_000;
const maxStringCharacters = 50_000_000;
/** Parts that are read as they come. */
const streamed = /^\/?xl\/(?:worksheets\/|sharedStrings)/i;

interface Sheet {
  name: string;
  part: string;
}

/** Workbooks: visible sheets under their names, rows as in a csv; a blank row or a line of its own begins a new table. */
export const xlsxParser: Parser = {
  format: 'xlsx',
  contentTypes: [
    'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
    'application/vnd.ms-excel.sheet.macroenabled.12',
  ],
  async parse(bytes) {
    const pkg = await openPackage(bytes, streamed);
    const main = await mainPartOf(pkg, 'xl/workbook.xml');
    const { sheets, date1904 } = await readWorkbook(pkg, main);
    const [strings] = await partsOf(pkg, main, 'sharedStrings');
    const [styles] = await partsOf(pkg, main, 'styles');
    const workbook: Workbook = {
      strings: strings === undefined ? [] : await sharedStrings(pkg, strings),
      kinds: styles === undefined ? [] : await cellKinds(pkg.stream(styles)),
      date1904,
    };
    const builder = createDocumentBuilder();
    for (const sheet of sheets) await writeSheet(pkg, sheet, workbook, builder);
    return { ...builder.build(), ...(await coreProperties(pkg)) };
  },
};

async function readWorkbook(pkg: ZipPackage, main: string): Promise<{ sheets: Sheet[]; date1904: boolean }> {
  const targets = new Map((await relationsOf(pkg, main)).map(({ id, target }) => [id, target]));
  const sheets: Sheet[] = [];
  let date1904 = false;
  await readXml(pkg.stream(main), {
    open(tag) {
      if (tag.name === 'workbookPr') date1904 = /^(?:1|true)$/.test(tag.attribute('date1904') ?? '');
      if (tag.name !== 'sheet' || /hidden/i.test(tag.attribute('state') ?? '')) return;
      const part = targets.get(tag.attribute('r:id') ?? '');
      if (part !== undefined && pkg.has(part)) sheets.push({ name: tag.attribute('name') ?? '', part });
    },
  });
  return { sheets, date1904 };
}

async function sharedStrings(pkg: ZipPackage, part: string): Promise<string[]> {
  const strings: string[] = [];
  let text = '';
  let inText = false;
  let phonetic = false;
  let characters = 0;
  await readXml(pkg.stream(part), {
    open({ name }) {
      if (name === 'si') text = '';
      else if (name === 'rPh') phonetic = true;
      else if (name === 't') inText = !phonetic;
    },
    text(data) {
      if (inText) text += data;
    },
    close(name) {
      if (name === 't') inText = false;
      else if (name === 'rPh') phonetic = false;
      else if (name === 'si') {
        characters += text.length;
        if (characters > maxStringCharacters) throw tooLarge();
        strings.push(text);
      }
    },
  });
  return strings;
}

async function writeSheet(
  pkg: ZipPackage,
  { name, part }: Sheet,
  workbook: Workbook,
  builder: DocumentBuilder,
): Promise<void> {
  const sheet = createSheetWriter(builder, name);
  let last = 0;
  let rows = 0;
  let places = 0;
  const handlers = sheetHandlers(workbook, (number, cells) => {
    rows += 1;
    // A row is as wide as its last cell is far out.
    places += cells.length;
    if (rows > maxRows || places > maxPlaces) throw tooLarge();
    // Blank rows need not be written in the file.
    if (number > last + 1) sheet.end();
    last = number;
    sheet.row(cells);
  });
  await readXml(pkg.stream(part), handlers);
  sheet.end();
  await writeDrawings(pkg, part, sheet.builder);
}

/** Text of shapes, charts and diagrams that lie on the sheet. */
async function writeDrawings(pkg: ZipPackage, sheet: string, builder: DocumentBuilder): Promise<void> {
  const writer = createBlockWriter(builder);
  for (const drawing of await partsOf(pkg, sheet, 'drawing')) {
    await readXml(pkg.stream(drawing), drawingHandlers(writer));
    await writeGraphics(pkg, drawing, writer);
    writer.flush();
  }
}

function tooLarge(): AppError {
  return new AppError(
    'document_too_large',
    `A sheet is larger than the limit of ${maxRows.toLocaleString('en')} rows and ${maxPlaces.toLocaleString('en')} cells, or the workbook's texts are longer than ${maxStringCharacters.toLocaleString('en')} characters. Save it as several files.`,
  );
}
