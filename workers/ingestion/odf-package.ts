import { AppError } from '../../src/errors.ts';
import { openPackage, type ZipPackage } from './inspect-zip.ts';
import { dublinCore, textsOf } from './ooxml.ts';
import type { ParsedDocument } from './parsed-document.ts';
import { readXml } from './read-xml.ts';

export const odfContent = 'content.xml';

export interface OdfPackage {
  pkg: ZipPackage;
  /** Styles whose text, or whose sheet, is not shown. */
  hidden: ReadonlySet<string>;
  properties: Pick<ParsedDocument, 'title' | 'author' | 'date' | 'language'>;
}

/**
 * Opens an OpenDocument file.
 *
 * @throws AppError `document_encrypted`, `document_unreadable`, and what `openPackage` throws
 */
export async function openOdf(bytes: Uint8Array): Promise<OdfPackage> {
  const pkg = await openPackage(bytes, /^content\.xml$/i);
  const manifest = await pkg.read('META-INF/manifest.xml').catch(() => undefined);
  if (manifest?.includes('encryption-data'))
    throw new AppError('document_encrypted', 'The OpenDocument file is protected with a password.');
  if (!pkg.has(odfContent))
    throw new AppError(
      'document_unreadable',
      'The OpenDocument file has no content: it is damaged or incomplete.',
    );
  const hidden = new Set<string>();
  for (const part of ['styles.xml', odfContent]) await collectHidden(pkg, part, hidden);
  const meta = pkg.has('meta.xml') ? dublinCore(await textsOf(pkg.stream('meta.xml'))) : {};
  return { pkg, hidden, properties: meta };
}

async function collectHidden(pkg: ZipPackage, part: string, hidden: Set<string>): Promise<void> {
  if (!pkg.has(part)) return;
  let style = '';
  await readXml(pkg.stream(part), {
    open(tag) {
      if (tag.name === 'style') style = tag.attribute('style:name') ?? '';
      else if (tag.name === 'text-properties' && tag.attributes['text:display'] === 'none') hidden.add(style);
      else if (tag.name === 'table-properties' && tag.attributes['table:display'] === 'false')
        hidden.add(style);
    },
  });
}
