import { inflateRawSync } from 'node:zlib';
import { AppError } from '../../../src/errors.ts';
import { type BlockWriter, createBlockWriter } from '../block-writer.ts';
import { compoundStreams, summaryProperties } from '../compound-file.ts';
import { createDocumentBuilder } from '../document-builder.ts';
import type { Parser } from '../formats.ts';
import { hwpRecords, hwpTags, hwpText } from '../hwp-records.ts';

const maxSectionBytes = 100_000_000;
const flags = { packed: 1, password: 2, distribution: 4 } as const;

/** Hangul files (HWP 5): sections in order, cells of a table on one line, notes where they are anchored. */
export const hwpParser: Parser = {
  format: 'hwp',
  contentTypes: ['application/x-hwp', 'application/haansofthwp', 'application/vnd.hancom.hwp'],
  async parse(bytes) {
    const streams = compoundStreams(bytes);
    const header = streams.get('FileHeader');
    if (header === undefined || header.length < 40)
      throw new AppError(
        'document_unreadable',
        'The Hangul file has no header: it is damaged or incomplete.',
      );
    const properties = header.readUInt32LE(36);
    if (properties & (flags.password | flags.distribution)) throw protectedFile(properties);
    const builder = createDocumentBuilder();
    const writer = createBlockWriter(builder);
    for (const section of sectionsOf(streams))
      writeSection(
        properties & flags.packed ? inflateRawSync(section, { maxOutputLength: maxSectionBytes }) : section,
        writer,
      );
    const summary = streams.get('\u0005HwpSummaryInformation');
    return { ...builder.build(), ...(summary !== undefined && summaryProperties(summary)) };
  },
};

function sectionsOf(streams: ReadonlyMap<string, Buffer>): Buffer[] {
  const sections: Buffer[] = [];
  for (let i = 0; ; i += 1) {
    const section = streams.get(`BodyText/Section${i}`);
    if (section === undefined) break;
    sections.push(section);
  }
  if (sections.length === 0)
    throw new AppError('document_unreadable', 'The Hangul file has no section: it is damaged or incomplete.');
  return sections;
}

/** Name of a table among the controls; four letters, stored backwards. */
const tableControl = ' lbt';

interface OpenTable {
  level: number;
  row: number;
}

/**
 * Paragraphs as blocks; the cells of a table are lists of paragraphs one level below it, each saying its column and row.
 * Tables inside a cell are part of it.
 */
function writeSection(stream: Buffer, writer: BlockWriter): void {
  let table: OpenTable | undefined;
  const endTable = (): void => {
    if (table !== undefined && table.row >= 0) writer.endRow();
    table = undefined;
  };
  for (const { tag, level, data } of hwpRecords(stream)) {
    if (table !== undefined && level <= table.level) endTable();
    if (tag === hwpTags.paragraphText) {
      for (const [i, line] of hwpText(data).split('\n').entries()) {
        if (i > 0) writer.lineBreak();
        writer.text(line);
      }
      // The text of a paragraph comes before what is anchored in it.
      writer.flush();
    } else if (tag === hwpTags.control && data.toString('latin1', 0, 4) === tableControl)
      table ??= { level, row: -1 };
    else if (
      tag === hwpTags.listHeader &&
      table !== undefined &&
      level === table.level + 1 &&
      data.length >= 12
    ) {
      const row = data.readUInt16LE(10);
      if (row !== table.row) {
        if (table.row >= 0) writer.endRow();
        writer.beginRow();
        table.row = row;
      }
      writer.beginCell();
    }
  }
  endTable();
  writer.flush();
}

function protectedFile(properties: number): AppError {
  return new AppError(
    'document_encrypted',
    properties & flags.password
      ? 'The Hangul file is protected with a password.'
      : 'The Hangul file is locked for distribution (배포용 문서). Save it as an ordinary document first.',
  );
}
