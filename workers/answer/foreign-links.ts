import type { Passage } from '../../src/retrieval/passage.ts';
import { address, withoutDisguises } from './addresses.ts';
import { unseen } from './datamark.ts';

const image = /!\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])?/gu;
const comment = /<!--[\s\S]*?(?:-->|$)/gu;
/** Elements of HTML, and anything with an attribute; `List<String>` is none. */
const element =
  /<\/?(?:a|abbr|area|audio|b|base|body|button|canvas|center|details|div|embed|font|form|frame|frameset|h[1-6]|head|html|i|iframe|image|img|input|link|marquee|math|meta|noscript|object|ol|option|p|picture|pre|script|select|source|span|style|svg|table|td|textarea|th|title|tr|track|u|ul|video|xml)\b[^>]*(?:>|$)|<[a-z][\w:-]*\s[^>]*=[^>]*(?:>|$)/giu;
const angled = /<\s*([a-z][a-z\d+.-]*:[^\s>]*|[^\s<>@]+@[^\s<>]+)\s*>/giu;
const definition = /^[ \t]*\[[^\]]+\]:[ \t]*<?(\S+?)>?(?:[ \t].*)?$/gmu;
const target = /\]\(\s*<?([^)\s>]*)>?[^)]*\)/gu;
const link = /\[([^\][]*)\]\(\s*<?([^)\s>]*)>?[^)]*\)/gu;
const marker = /^[\s\d,^]*$/u;
const particle = /(?:에서|으로|에게|까지|부터|은|는|이|가|을|를|에|로|의|와|과|도)$/u;

/**
 * A model's text without the addresses that no passage has: an address in an answer can carry the conversation to
 * whoever wrote a source ("[click](https://…?q=secret)"). Links keep their words; images, elements of HTML and what is not
 * seen go, and so do addresses in disguise. Markers like [1] stay.
 */
export function withoutForeignLinks(text: string, passages: readonly Passage[]): string {
  const known = knownAddresses(passages);
  const isKnown = (url: string): boolean =>
    known.has(toKey(url)) || known.has(toKey(url.replace(particle, '')));
  // What stays stands behind a number in private-use characters meanwhile, so that no later rule takes it apart.
  const kept: string[] = [];
  const keep = (whole: string) => `\ue000${kept.push(whole) - 1}\ue000`;
  const bare = text
    .replaceAll('\ue000', '')
    .replace(unseen, '')
    .replace(image, '')
    .replace(comment, '')
    .replace(angled, (_, url: string) => (isKnown(url) ? keep(url) : ''))
    .replace(element, '')
    .replace(definition, (whole, url: string) => (hasAddress(url) && !isKnown(url) ? '' : whole))
    .replace(link, (whole, words: string, url: string) => {
      if (isKnown(url)) return keep(whole);
      return marker.test(words) ? `[${words}]` : words;
    })
    .replace(target, ']');
  return withoutDisguises(bare)
    .replace(address, (url) => (isKnown(url) ? url : ''))
    .replace(/\ue000(\d+)\ue000/gu, (_, n: string) => kept[Number(n)] ?? '');
}

export function hasAddress(text: string): boolean {
  return text.search(address) >= 0;
}

function knownAddresses(passages: readonly Passage[]): ReadonlySet<string> {
  const known = new Set<string>();
  for (const { sourceUrl, text } of passages) {
    if (sourceUrl) known.add(toKey(sourceUrl));
    for (const [url] of text.matchAll(address)) known.add(toKey(url)).add(toKey(url.replace(particle, '')));
  }
  return known;
}

function toKey(url: string): string {
  return url.toLowerCase();
}
