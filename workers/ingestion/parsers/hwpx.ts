import { AppError } from '../../../src/errors.ts';
import { createBlockWriter } from '../block-writer.ts';
import { createDocumentBuilder } from '../document-builder.ts';
import type { Parser } from '../formats.ts';
import { hwpxHandlers } from '../hwpx-text.ts';
import { openPackage, type ZipPackage } from '../inspect-zip.ts';
import { dublinCore } from '../ooxml.ts';
import type { ParsedDocument } from '../parsed-document.ts';
import { readXml } from '../read-xml.ts';

/** Hangul files as zipped XML (OWPML, KS X 6101): sections in order, tables as rows. */
export const hwpxParser: Parser = {
  format: 'hwpx',
  contentTypes: ['application/hwp+zip', 'application/x-hwpx', 'application/vnd.hancom.hwpx'],
  async parse(bytes) {
    const pkg = await openPackage(bytes);
    const manifest = await pkg.read('META-INF/manifest.xml').catch(() => undefined);
    if (manifest?.includes('encryption-data'))
      throw new AppError('document_encrypted', 'The Hangul file is protected with a password.');
    const builder = createDocumentBuilder();
    const writer = createBlockWriter(builder);
    const sections = sectionsOf(pkg);
    if (sections.length === 0)
      throw new AppError(
        'document_unreadable',
        'The Hangul file has no section: it is damaged or incomplete.',
      );
    for (const section of sections) await readXml(pkg.stream(section), hwpxHandlers(writer));
    writer.flush();
    return { ...builder.build(), ...(await properties(pkg)) };
  },
};

function sectionsOf(pkg: ZipPackage): string[] {
  const numbered = pkg.names.flatMap((name) => {
    const number = /^\/?contents\/section(\d+)\.xml$/i.exec(name)?.[1];
    return number === undefined ? [] : [{ name, number: Number(number) }];
  });
  return numbered.sort((a, b) => a.number - b.number).map(({ name }) => name);
}

/** `<opf:title>` and `<opf:meta name="creator">` of the package file. */
async function properties(pkg: ZipPackage): Promise<Partial<ParsedDocument>> {
  const part = 'Contents/content.hpf';
  if (!pkg.has(part)) return {};
  const texts = new Map<string, string>();
  let key = '';
  await readXml(pkg.stream(part), {
    open(tag) {
      key = tag.name === 'meta' ? (tag.attribute('name') ?? '') : tag.name;
      // `2024년 3월 15일` is how the program itself writes dates; the ISO form has a name of its own.
      if (key === 'CreatedDate') key = 'created';
    },
    text(data) {
      if (data.trim() !== '' && key !== '') texts.set(key, (texts.get(key) ?? '') + data);
    },
    close() {
      key = '';
    },
  });
  return dublinCore(texts);
}
