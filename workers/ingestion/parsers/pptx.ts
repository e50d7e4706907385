import { createBlockWriter } from '../block-writer.ts';
import { createDocumentBuilder, type DocumentBuilder } from '../document-builder.ts';
import { drawingHandlers, writeGraphics } from '../drawing-text.ts';
import type { Parser } from '../formats.ts';
import { openPackage, type ZipPackage } from '../inspect-zip.ts';
import { coreProperties, mainPartOf, partsOf, relationsOf } from '../ooxml.ts';
import { readXml } from '../read-xml.ts';

/** Presentations: a page a slide, its title as heading, tables as rows, charts as lines, notes last. Hidden slides stay empty. */
export const pptxParser: Parser = {
  format: 'pptx',
  contentTypes: [
    'application/vnd.openxmlformats-officedocument.presentationml.presentation',
    'application/vnd.openxmlformats-officedocument.presentationml.slideshow',
    'application/vnd.ms-powerpoint.presentation.macroenabled.12',
  ],
  async parse(bytes) {
    const pkg = await openPackage(bytes);
    const builder = createDocumentBuilder();
    for (const slide of await slidesOf(pkg)) {
      builder.beginPage();
      await writeSlide(pkg, slide, builder);
    }
    const built = builder.build();
    const first = built.headings[0];
    const title = first && built.text.slice(first.start, first.end);
    return { ...built, ...(title && { title }), ...(await coreProperties(pkg)) };
  },
};

/** Slides in the order they are shown. */
async function slidesOf(pkg: ZipPackage): Promise<string[]> {
  const main = await mainPartOf(pkg, 'ppt/presentation.xml');
  const targets = new Map((await relationsOf(pkg, main)).map(({ id, target }) => [id, target]));
  const slides: string[] = [];
  await readXml(pkg.stream(main), {
    open(tag) {
      if (tag.name !== 'sldId') return;
      const slide = targets.get(tag.attribute('r:id') ?? '');
      if (slide !== undefined && pkg.has(slide)) slides.push(slide);
    },
  });
  return slides;
}

async function writeSlide(pkg: ZipPackage, slide: string, builder: DocumentBuilder): Promise<void> {
  const writer = createBlockWriter(builder);
  let hidden = false;
  const drawing = drawingHandlers(writer);
  await readXml(pkg.stream(slide), {
    ...drawing,
    open(tag) {
      if (tag.name === 'sld') hidden = tag.attribute('show') === '0';
      drawing.open?.(tag);
    },
  });
  writer.flush();
  if (hidden) return;
  await writeGraphics(pkg, slide, writer);
  for (const notes of await partsOf(pkg, slide, 'notesSlide'))
    await readXml(pkg.stream(notes), drawingHandlers(writer));
  writer.flush();
}
