import { posix } from 'node:path';
import { AppError } from '../../src/errors.ts';
import type { ZipPackage } from './inspect-zip.ts';
import { isoDate } from './iso-date.ts';
import { singleLine } from './normalise-text.ts';
import type { ParsedDocument } from './parsed-document.ts';
import { readXml, type XmlHandlers } from './read-xml.ts';

export interface Relation {
  id: string;
  /** Last part of the relationship's type: `slide`, `notesSlide`, `styles` … */
  type: string;
  /** Name of the part in the package. */
  target: string;
}

/** What a part refers to inside the package (ECMA-376 part 2, 6.5), in the order written; '' for the package itself. */
export async function relationsOf(pkg: ZipPackage, part = ''): Promise<Relation[]> {
  const name = `${posix.join(posix.dirname(part), '_rels', posix.basename(part))}.rels`;
  const relations: Relation[] = [];
  if (!pkg.has(name)) return relations;
  await readXml(pkg.stream(name), {
    open({ name: tag, attributes }) {
      const { Id, Type, Target, TargetMode } = attributes;
      if (tag !== 'Relationship' || !Id || !Type || !Target || TargetMode === 'External') return;
      const target = Target.startsWith('/')
        ? Target.slice(1)
        : posix.join(posix.dirname(part), Target.replaceAll('\\', '/'));
      relations.push({ id: Id, type: Type.slice(Type.lastIndexOf('/') + 1), target });
    },
  });
  return relations;
}

/** Existing parts of one type that a part refers to, each once. */
export async function partsOf(pkg: ZipPackage, part: string, type: string): Promise<string[]> {
  const targets = (await relationsOf(pkg, part)).filter((relation) => relation.type === type);
  return [...new Set(targets.map(({ target }) => target))].filter(pkg.has);
}

/**
 * Name of the document's main part.
 *
 * @throws AppError `document_unreadable`
 */
export async function mainPartOf(pkg: ZipPackage, usual: string): Promise<string> {
  const [named] = await partsOf(pkg, '', 'officeDocument');
  const main = named ?? usual;
  if (!pkg.has(main))
    throw new AppError('document_unreadable', `The file has no part ${usual}: it is damaged or incomplete.`);
  return main;
}

type Properties = Pick<ParsedDocument, 'title' | 'author' | 'date' | 'language'>;

/** Dublin Core properties of the package (ECMA-376 part 2, 8.3). */
export async function coreProperties(pkg: ZipPackage): Promise<Properties> {
  const [part = 'docProps/core.xml'] = await partsOf(pkg, '', 'core-properties');
  if (!pkg.has(part)) return {};
  return dublinCore(await textsOf(pkg.stream(part)));
}

/** First text of each kind of element, by its name. */
export async function textsOf(source: AsyncIterable<Uint8Array>): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  let collected = '';
  const handlers: XmlHandlers = {
    open() {
      collected = '';
    },
    text(data) {
      collected += data;
    },
    close(name) {
      if (!texts.has(name) && collected.trim() !== '') texts.set(name, collected);
      collected = '';
    },
  };
  await readXml(source, handlers);
  return texts;
}

/** Title, author, date and language by their names in Dublin Core and in what is built on it. */
export function dublinCore(texts: ReadonlyMap<string, string>): Properties {
  const field = (...names: string[]): string =>
    singleLine(names.map((name) => texts.get(name)).find((text) => text !== undefined) ?? '');
  const title = field('title');
  const author = field('creator', 'initial-creator');
  const date = isoDate(field('created', 'creation-date', 'date'));
  const language = /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.exec(field('language'))?.[0];
  return {
    ...(title && { title }),
    ...(author && { author }),
    ...(date && { date }),
    ...(language && { language }),
  };
}
