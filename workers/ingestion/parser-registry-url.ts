/** Module the parser processes load: all formats, with text recognition in pictures and scanned pages or without. */
export function parserRegistryUrl({ ocr }: { ocr: boolean }): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const name = ocr ? 'registry-with-ocr' : 'registry';
  return new URL(`./parsers/${name}.${extension}`, import.meta.url).href;
}
