import type { Passage } from '../../src/retrieval/passage.ts';

const image = /!\[([^\]]*)\]\(\s*([^\s)]*)[^)]*\)/gu;
const link = /\[([^\]]*[^\]\d,\s][^\]]*)\]\(\s*([^\s)]*)[^)]*\)/gu;
const address = /\b(?:https?|ftp):\/\/[^\s<>()[\]"'`]+[^\s<>()[\]"'`.,;:!?]/giu;

/**
 * A model's text without the addresses that no passage has: an address in an answer can carry the conversation to
 * whoever wrote a source ("[click](https://…?q=secret)"). Links keep their words, images go.
 */
export function withoutForeignLinks(text: string, passages: readonly Passage[]): string {
  const known = (url: string): boolean =>
    passages.some((passage) => passage.sourceUrl === url || hasAddress(passage.text, url));
  return text
    .replace(image, '')
    .replace(link, (whole, label: string, url: string) => (known(url) ? whole : label))
    .replace(address, (url) => (known(url) ? url : ''));
}

function hasAddress(text: string, url: string): boolean {
  return url !== '' && [...text.matchAll(address)].some(([found]) => found === url);
}
