import { decodeText } from './decode-text.ts';
import { refusedFormats } from './format-titles.ts';
import { declaredCharset, extensionOf, type FileHints, type FormatName } from './formats.ts';

type TextFormat =
  | { kind: 'binary' }
  | { kind: 'refused'; format: string }
  | { kind: 'read'; format: FormatName };

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
};

const byMediaType: Record<string, string> = {
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
  'multipart/related': 'mht',
  'application/rtf': 'rtf',
  'text/rtf': 'rtf',
  'text/calendar': 'ics',
  'text/vcard': 'vcf',
  'application/xml': 'xml',
  'text/xml': 'xml',
  'image/svg+xml': 'svg',
};

/** Which text format the bytes are, if they are text at all. Content that names itself wins over name and type. */
export function detectTextFormat(buffer: Buffer, hints: FileHints): TextFormat {
  const sample = decodeText(evenSample(buffer), declaredCharset(hints));
  if (isBinary(sample)) return { kind: 'binary' };
  const sniffed = sniff(sample, hints);
  if (sniffed !== undefined && sniffed in refusedFormats) return { kind: 'refused', format: sniffed };
  const named = extensionOf(hints) ?? '';
  const mediaType = hints.contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  const declared = named in refusedFormats ? named : (byExtension[named] ?? byMediaType[mediaType]);
  if (declared !== undefined && declared in refusedFormats) return { kind: 'refused', format: declared };
  return { kind: 'read', format: byExtension[declared ?? sniffed ?? 'txt'] ?? 'txt' };
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

function sniff(sample: string, hints: FileHints): string | undefined {
  const head = sample.slice(0, 4096).replace(/^[\ufeff\s]+/, '');
  if (head.startsWith('{\\rtf')) return 'rtf';
  if (/^BEGIN:VCALENDAR/i.test(head)) return 'ics';
  if (/^BEGIN:VCARD/i.test(head)) return 'vcf';
  // Mail saved as .txt or .md is meant to be read as text; without such a name it is a message.
  const calledText = ['txt', 'text', 'log', 'md', 'markdown'].includes(extensionOf(hints) ?? '');
  if (!calledText && isMail(head)) return /^(?:mht|mhtml)$/.test(extensionOf(hints) ?? '') ? 'mht' : 'eml';
  if (
    /^(?:<\?xml[^>]*>\s*)?(?:<!--[\s\S]{0,2000}?-->\s*)*<(?:!doctype\s+html|html|head|body)[\s>]/i.test(head)
  )
    return 'html';
  if (/^(?:<\?xml[^>]*>\s*)?(?:<!--[\s\S]{0,2000}?-->\s*)*(?:<!doctype\s+svg[^>]*>\s*)?<svg[\s>]/i.test(head))
    return 'svg';
  if (/^<\?xml[\s]/.test(head)) return 'xml';
  return /^[{[]\s*["{[\]}\d-]/.test(head) && isJsonStart(sample) ? 'json' : undefined;
}

const mailFields =
  /^(?:from|to|cc|subject|date|message-id|mime-version|return-path|received|delivered-to|reply-to|content-type|content-transfer-encoding|dkim-signature|x-[\w-]+):/i;

/** RFC 5322: header fields up to the first blank line, nothing else, and at least two that only mail has together. */
function isMail(head: string): boolean {
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
