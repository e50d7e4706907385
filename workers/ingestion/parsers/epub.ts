import { posix } from 'node:path';
import { load } from 'cheerio';
import { AppError } from '../../../src/errors.ts';
import { decodeText } from '../decode-text.ts';
import { createDocumentBuilder } from '../document-builder.ts';
import type { Parser } from '../formats.ts';
import { writeHtmlBlocks } from '../html-blocks.ts';
import { openPackage, type ZipPackage } from '../inspect-zip.ts';
import { dublinCore, textsOf } from '../ooxml.ts';
import { readXml } from '../read-xml.ts';

/** E-books: the chapters in reading order (EPUB 3.3, 5). */
export const epubParser: Parser = {
  format: 'epub',
  contentTypes: ['application/epub+zip'],
  async parse(bytes) {
    const pkg = await openPackage(bytes);
    const packageFile = await packageFileOf(pkg);
    const builder = createDocumentBuilder();
    let read = 0;
    const chapters = await chaptersOf(pkg, packageFile);
    for (const chapter of chapters) {
      const content = await pkg.read(chapter).catch(() => undefined);
      if (content === undefined) continue;
      read += 1;
      writeHtmlBlocks(load(decodeText(content))('body').toArray(), builder);
    }
    if (read === 0 && chapters.length > 0) throw await unreadable(pkg);
    const built = builder.build();
    if (built.text === '' && pkg.has('META-INF/rights.xml')) throw await unreadable(pkg);
    return { ...built, ...dublinCore(await textsOf(pkg.stream(packageFile))) };
  },
};

async function packageFileOf(pkg: ZipPackage): Promise<string> {
  let path: string | undefined;
  await readXml(pkg.stream('META-INF/container.xml'), {
    open(tag) {
      if (tag.name === 'rootfile') path ??= tag.attribute('full-path');
    },
  });
  if (path === undefined || !pkg.has(path))
    throw new AppError(
      'document_unreadable',
      'The e-book names no package file: it is damaged or incomplete.',
    );
  return path;
}

/** Members that hold the chapters, in the order of the spine. */
async function chaptersOf(pkg: ZipPackage, packageFile: string): Promise<string[]> {
  const paths = new Map<string, string>();
  const spine: string[] = [];
  await readXml(pkg.stream(packageFile), {
    open(tag) {
      const { id, href, idref } = tag.attributes;
      if (tag.name === 'item' && id && href && /html/.test(tag.attributes['media-type'] ?? 'html'))
        paths.set(id, posix.join(posix.dirname(packageFile), decoded(href)));
      if (tag.name === 'itemref' && idref) spine.push(idref);
    },
  });
  return spine.map((id) => paths.get(id)).filter((path) => path !== undefined);
}

function decoded(href: string): string {
  const [path = ''] = href.split('#');
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // a percent sign that stands for itself
  }
}

async function unreadable(pkg: ZipPackage): Promise<AppError> {
  if (pkg.has('META-INF/encryption.xml') || pkg.has('META-INF/rights.xml'))
    return new AppError('document_encrypted', 'The e-book is protected by its seller (DRM).');
  return new AppError('document_unreadable', 'None of the chapters of the e-book could be read.');
}
