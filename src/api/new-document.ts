import { z } from 'zod';
import type { NewDocument } from '../db/accept-documents.ts';
import { AppError, asAppError } from '../errors.ts';
import { checkUrl, type UrlPolicy } from '../net/url-policy.ts';
import { defaultPriority, documentAttributes, isStorable, unstorable } from './schemas.ts';

/** Most characters of an external_id. */
const longestName = 500;

const fetchable = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
  .max(2000)
  .refine(isStorable, unstorable)
  .refine((url) => !/^\w+:\/*[^/?#]*@/.test(url), 'must not have a user name or password in it');

/** Text within a JSON body (1 MB in all); longer ones are sent as files. */
export const documentBody = z
  .strictObject({
    text: z
      .string()
      .min(1)
      .max(1_000_000)
      .refine((value) => value.replaceAll('\0', '').trim() !== '', 'must not be blank')
      .optional(),
    url: fetchable
      .optional()
      .describe(
        'Fetched by a worker instead of text. Its external_id is the URL itself unless one is given, so the same URL again is the next version of the same document, or unchanged.',
      ),
    ...documentAttributes,
  })
  .refine((body) => body.text !== undefined || body.url !== undefined, {
    error: 'give the document as text or as url (files go as multipart/form-data)',
    path: ['text'],
  })
  .refine((body) => body.text === undefined || body.url === undefined, {
    error: 'give either text or url',
    path: ['url'],
  })
  .refine(
    ({ url, external_id }) => url === undefined || external_id !== undefined || url.length <= longestName,
    {
      error: `a URL of more than ${longestName} characters needs an external_id`,
      path: ['external_id'],
    },
  )
  .meta({ id: 'NewDocument' });

/**
 * @param policy which URLs are fetched at all
 * @param pointer to the body within the request
 * @throws AppError `url_refused`
 */
export function fromBody(body: z.output<typeof documentBody>, policy: UrlPolicy, pointer = ''): NewDocument {
  const attributes = attributesOf(body);
  const shared = {
    priority: body.priority ?? defaultPriority,
    fileName: null,
    collection: body.collection,
    ...(body.pii && { pii: body.pii }),
  };
  if (body.url !== undefined) {
    const url = readUrl(body.url, policy, `${pointer}/url`);
    return {
      ...shared,
      externalId: body.external_id ?? url,
      attributes: { ...attributes, source_url: attributes.source_url ?? url },
      // Not known before it is fetched.
      contentType: 'application/octet-stream',
      content: { url },
    };
  }
  return {
    ...shared,
    externalId: body.external_id ?? null,
    attributes,
    contentType: 'text/plain; charset=utf-8',
    // NFC is what offsets count in; NUL can't be stored.
    content: { text: (body.text as string).normalize('NFC').replaceAll('\0', '') },
  };
}

/** The URL in its one spelling, without its fragment: that names a place in a page, not another page. */
function readUrl(given: string, policy: UrlPolicy, pointer: string): string {
  const url = new URL(given);
  url.hash = '';
  try {
    checkUrl(url, policy);
  } catch (error) {
    const { code, message } = asAppError(error);
    throw new AppError(code, message, { cause: error, errors: [{ pointer, message }] });
  }
  return url.href;
}

export function attributesOf(body: Partial<z.output<typeof documentBody>>): NewDocument['attributes'] {
  return {
    title: body.title?.normalize('NFC') ?? null,
    source_url: body.source_url ?? null,
    author: body.author ?? null,
    language: body.language ?? null,
    taxonomy_path: body.taxonomy_path?.map((label) => label.normalize('NFC')) ?? [],
    metadata: body.metadata ?? {},
  };
}
