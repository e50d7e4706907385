import { decodeText } from './decode-text.ts';
import { declaredCharset, extensionOf, type FileHints, type FormatName } from './formats.ts';

const sampleBytes = 65_536;

const byExtension: Record<string, FormatName> = {
  txt: 'txt',
  text: 'txt',
  log: 'txt',
  md: 'md',
  markdown: 'md',
  html: 'html',
  htm: 'html',
  xhtml: 'html',
  csv: 'csv',
  tsv: 'csv',
  tab: 'csv',
  json: 'json',
  jsonl: 'json',
  ndjson: 'json',
  geojson: 'json',
  eml: 'eml',
  mbox: 'eml',
  mht: 'eml',
  mhtml: 'eml',
};

const byMediaType: Record<string, FormatName> = {
  'text/markdown': 'md',
  'text/x-markdown': 'md',
  'text/html': 'html',
  'application/xhtml+xml': 'html',
  'text/csv': 'csv',
  'application/csv': 'csv',
  'text/tab-separated-values': 'csv',
  'application/json': 'json',
  'application/x-ndjson': 'json',
  'application/jsonl': 'json',
  'application/ld+json': 'json',
  'message/rfc822': 'eml',
  'application/mbox': 'eml',
  'multipart/related': 'eml',
};

/** Content that names itself: what is written there is what it is, whatever the file is called. */
const markup: ReadonlySet<FormatName> = new Set<FormatName>(['rtf', 'html', 'xml', 'eml']);

/**
 * Which text format the bytes are; undefined when they are no text at all. Markup that names itself wins over name and
 * type, these over what the content merely looks like; whatever is left is plain text: source code, logs, calendars, TeX.
 */
export function detectTextFormat(buffer: Buffer, hints: FileHints): FormatName | undefined {
  const sample = decodeText(evenSample(buffer), declaredCharset(hints));
  if (isBinary(sample)) return undefined;
  const sniffed = sniff(sample, hints);
  const named = byExtension[extensionOf(hints) ?? ''];
  // A page or a message that is shown as an example in a text is called so by its name.
  if (sniffed !== undefined && markup.has(sniffed) && !(sniffed === 'html' && named === 'md')) return sniffed;
  const mediaType = hints.contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  return named ?? byMediaType[mediaType] ?? sniffed ?? 'txt';
}

/** A cut inside a character must not make valid UTF-8 look like something else: end at a line if there is one. */
function evenSample(buffer: Buffer): Buffer {
  if (buffer.length <= sampleBytes) return buffer;
  let end = sampleBytes;
  while (end > sampleBytes - 4 && ((buffer[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return buffer.subarray(0, end % 2 === 0 || (buffer[0] ?? 0) < 0xfe ? end : end - 1);
}

/** Text has no zero bytes and next to no control characters, and most of what it decodes to is defined. */
function isBinary(sample: string): boolean {
  if (sample.length === 0) return false;
  let odd = 0;
  for (let i = 0; i < sample.length; i += 1) {
    const code = sample.charCodeAt(i);
    if (code === 0 || code === 0xfffd) odd += 5;
    else if (code < 32 && code !== 9 && code !== 10 && code !== 13 && code !== 12 && code !== 27) odd += 1;
    else if (code >= 0x7f && code < 0xa0) odd += 1;
  }
  return odd > sample.length * 0.05;
}

function sniff(sample: string, hints: FileHints): FormatName | undefined {
  const head = sample.slice(0, 4096).replace(/^[\ufeff\s]+/, '');
  if (head.startsWith('{\\rtf')) return 'rtf';
  // Mail saved as .txt or .md is meant to be read as text; without such a name it is a message.
  const calledText = ['txt', 'text', 'log', 'md', 'markdown'].includes(extensionOf(hints) ?? '');
  if (!calledText && isMail(head)) return 'eml';
  const prolog =
    /^(?:<\?xml[^>]*>\s*)?(?:(?:<!--[\s\S]{0,2000}?-->|<\?[^>]{0,500}>)\s*)*/.exec(head)?.[0] ?? '';
  const root = head.slice(prolog.length);
  if (/^<(?:!doctype\s+html|html|head|body)[\s>]/i.test(root)) return 'html';
  if (prolog.startsWith('<?xml') || /^(?:<!doctype\s+svg[^>]*>\s*)?<svg[\s>]/i.test(root)) return 'xml';
  return /^[{[]\s*["{[\]}\d-]/.test(head) && isJsonStart(sample) ? 'json' : undefined;
}

const mailFields =
  /^(?:from|to|cc|subject|date|message-id|mime-version|return-path|received|delivered-to|reply-to|content-type|content-transfer-encoding|dkim-signature|x-[\w-]+):/i;

/** RFC 5322: header fields up to the first blank line, nothing else, and at least two that only mail has together. */
function isMail(message: string): boolean {
  // An mbox begins each message with a line of its own.
  const head = message.replace(/^From \S+ .*\d{4}[^\n]*\n/, '');
  const lines = (head.split(/\r?\n\r?\n/, 1)[0] ?? '').replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/);
  // The head may cut the last of many lines.
  if (lines.length > 5) lines.pop();
  const known = lines.filter((line) => mailFields.test(line)).length;
  return (
    known >= 2 &&
    lines.every((line) => /^[!-9;-~]+:/.test(line)) &&
    lines.some((line) => /^(?:from|received|mime-version|return-path):/i.test(line))
  );
}

/** The whole sample, or its first line, is JSON; a sample that was cut is given the benefit of its first line. */
function isJsonStart(sample: string): boolean {
  return [sample, sample.slice(0, sample.indexOf('\n') + 1)].some((text) => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false; // an answer, not a failure
    }
  });
}
