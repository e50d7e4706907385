import { type BlockWriter, createBlockWriter } from '../block-writer.ts';
import { createDocumentBuilder, type DocumentBuilder } from '../document-builder.ts';
import { writeGraphics } from '../drawing-text.ts';
import type { Parser } from '../formats.ts';
import { openPackage, type ZipPackage } from '../inspect-zip.ts';
import { coreProperties, mainPartOf, partsOf } from '../ooxml.ts';
import { readXml } from '../read-xml.ts';
import { type WordStyle, wordStyles } from '../word-styles.ts';
import { wordHandlers } from '../word-text.ts';

/** Word files (docx, docm and their templates): body, charts and diagrams, then notes, headers and footers, each once. */
export const docxParser: Parser = {
  format: 'docx',
  contentTypes: [
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
    'application/vnd.ms-word.document.macroenabled.12',
  ],
  async parse(bytes) {
    const pkg = await openPackage(bytes);
    const main = await mainPartOf(pkg, 'word/document.xml');
    const [stylesPart] = await partsOf(pkg, main, 'styles');
    const styles = stylesPart === undefined ? new Map() : await wordStyles(pkg.stream(stylesPart));
    const builder = createDocumentBuilder();
    const writer = createBlockWriter(builder);
    await readXml(pkg.stream(main), wordHandlers(styles, writer));
    writer.flush();
    await writeGraphics(pkg, main, writer);
    await writeNotes(pkg, main, styles, writer);
    await writeMargins(pkg, main, styles, builder);
    const built = builder.build();
    const heading = built.headings.find(({ level }) => level === 1);
    const title = heading && built.text.slice(heading.start, heading.end);
    return { ...built, ...(title && { title }), ...(await coreProperties(pkg)) };
  },
};

async function writeNotes(
  pkg: ZipPackage,
  main: string,
  styles: ReadonlyMap<string, WordStyle>,
  writer: BlockWriter,
): Promise<void> {
  for (const type of ['footnotes', 'endnotes'])
    for (const part of await partsOf(pkg, main, type))
      await readXml(pkg.stream(part), wordHandlers(styles, writer));
  writer.flush();
}

/** Headers and footers without repetition; those without a letter (page numbers) are left out. */
async function writeMargins(
  pkg: ZipPackage,
  main: string,
  styles: ReadonlyMap<string, WordStyle>,
  builder: DocumentBuilder,
): Promise<void> {
  const written = new Set<string>();
  for (const type of ['header', 'footer']) {
    for (const part of await partsOf(pkg, main, type)) {
      const margin = createDocumentBuilder();
      const writer = createBlockWriter(margin);
      await readXml(pkg.stream(part), wordHandlers(styles, writer));
      writer.flush();
      const { text } = margin.build();
      if (!/\p{L}/u.test(text) || written.has(text)) continue;
      written.add(text);
      builder.block(text);
    }
  }
}
