import PostalMime, { type Address, type Attachment, type Email } from 'postal-mime';
import { AppError } from '../../../src/errors.ts';
import { decodeText, encodingOfMark } from '../decode-text.ts';
import { createDocumentBuilder, type DocumentBuilder } from '../document-builder.ts';
import type { FileHints, Parser } from '../formats.ts';
import { isoDate } from '../iso-date.ts';
import { singleLine } from '../normalise-text.ts';
import type { ParsedDocument } from '../parsed-document.ts';
import { parseHtml } from './html.ts';

const maxMessages = 5_000;
const maxAttachments = 50;
/** Characters that attachments may add to a message. */
const maxAttachedText = 5_000_000;
const limits = { maxNestingDepth: 64, maxHeadersSize: 2_000_000 };

/** Reads an attachment like a file of its own. */
export type ReadAttachment = (bytes: Uint8Array, hints: FileHints) => Promise<ParsedDocument>;

/**
 * E-mail (RFC 5322 and MIME), one message or an mbox of many: subject as heading, who wrote to whom and when, the body, then
 * the text of the attachments under their names. Without `readAttachment` only their names.
 */
export function createEmlParser(readAttachment: ReadAttachment | undefined): Parser {
  return {
    format: 'eml',
    contentTypes: ['message/rfc822', 'application/mbox', 'multipart/related', 'application/x-mimearchive'],
    async parse(bytes) {
      const messages = messagesOf(bytes);
      if (messages.length > maxMessages) throw tooMany();
      const builder = createDocumentBuilder();
      let first: Email | undefined;
      for (const message of messages) {
        const email = await PostalMime.parse(message, limits);
        first ??= email;
        await writeMessage(email, builder, readAttachment);
      }
      return { ...builder.build(), ...(messages.length === 1 && first !== undefined && found(first)) };
    },
  };
}

/** An mbox begins with a line `From sender date`, and so does each of its messages (RFC 4155). */
function messagesOf(bytes: Uint8Array): (Uint8Array | string)[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = encodingOfMark(buffer) !== undefined || buffer.subarray(0, 200).includes(0);
  const source = wide ? Buffer.from(decodeText(buffer)) : buffer;
  if (!source.subarray(0, 5).equals(Buffer.from('From '))) return [source];
  const starts = [0];
  for (let at = source.indexOf('\n\nFrom '); at >= 0; at = source.indexOf('\n\nFrom ', at + 1)) {
    const line =
      source
        .subarray(at + 2, at + 300)
        .toString('latin1')
        .split('\n', 1)[0] ?? '';
    if (/^From \S+ .*\d{4}/.test(line)) starts.push(at + 2);
  }
  return starts.map((start, i) => {
    const message = source.subarray(start, starts[i + 1] ?? source.length);
    return message.subarray(message.indexOf('\n') + 1);
  });
}

async function writeMessage(
  email: Email,
  builder: DocumentBuilder,
  readAttachment: ReadAttachment | undefined,
): Promise<void> {
  const subject = singleLine(email.subject ?? '');
  if (subject !== '') builder.block(subject, { headingLevel: 1 });
  builder.block(
    [
      line('From', email.from && [email.from]),
      line('To', email.to),
      line('Cc', email.cc),
      email.date ? `Date: ${singleLine(email.date)}` : '',
    ]
      .filter((field) => field !== '')
      .join('\n'),
  );
  builder.block(bodyOf(email));
  await writeAttachments(email.attachments, builder, readAttachment);
}

function line(label: string, addresses: Address[] | undefined): string {
  const names = (addresses ?? []).map(addressText).filter((name) => name !== '');
  return names.length === 0 ? '' : `${label}: ${names.join(', ')}`;
}

function addressText({ name, address, group }: Address): string {
  if (group !== undefined) return [name, ...group.map(addressText)].join(' ');
  return singleLine(name && address && name !== address ? `${name} <${address}>` : (address ?? name));
}

/** The formatted version, whose hidden parts are dropped, unless the plain one says much more. */
function bodyOf({ html, text = '' }: Email): string {
  const formatted = html === undefined ? '' : parseHtml(html).text;
  return formatted.length * 2 >= text.length ? formatted : text;
}

async function writeAttachments(
  attachments: readonly Attachment[],
  builder: DocumentBuilder,
  readAttachment: ReadAttachment | undefined,
): Promise<void> {
  // Pictures that the body shows belong to it; they are its signature and its layout.
  const own = attachments.filter(({ related, mimeType }) => !(related && mimeType.startsWith('image/')));
  let room = maxAttachedText;
  for (const attachment of own.slice(0, maxAttachments)) {
    const name = singleLine(attachment.filename ?? attachment.mimeType);
    builder.block(name, { headingLevel: 2 });
    const text = readAttachment === undefined ? '' : await attachedText(attachment, readAttachment);
    if (text.length > room) {
      builder.block(`${name}: not read (longer than the limit for attachments)`);
      continue;
    }
    room -= text.length;
    builder.block(text);
  }
}

/** What cannot be read says so in its place; it is no reason to refuse the message. */
async function attachedText(attachment: Attachment, readAttachment: ReadAttachment): Promise<string> {
  const { content, filename, mimeType } = attachment;
  const bytes = typeof content === 'string' ? Buffer.from(content) : new Uint8Array(content);
  try {
    const hints = { contentType: mimeType, ...(filename && { fileName: filename }) };
    return (await readAttachment(bytes, hints)).text;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return `${singleLine(filename ?? mimeType)}: not read (${error.code})`;
  }
}

function found({ subject, from, date }: Email): Partial<ParsedDocument> {
  const title = singleLine(subject ?? '');
  const author = from === undefined ? '' : addressText(from);
  const written = isoDate(date);
  return { ...(title && { title }), ...(author && { author }), ...(written && { date: written }) };
}

function tooMany(): AppError {
  return new AppError(
    'document_too_large',
    `The mailbox holds more than ${maxMessages.toLocaleString('en')} messages. Split it into several files.`,
  );
}
