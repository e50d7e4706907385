import { z } from 'zod';
import type { NewDocument } from '../db/accept-documents.ts';
import { defaultPriority, documentAttributes } from './schemas.ts';

/** Text within a JSON body (1 MB in all); longer ones are sent as files. */
export const documentBody = z
  .strictObject({
    text: z
      .string()
      .min(1)
      .max(1_000_000)
      .refine((value) => value.replaceAll('\0', '').trim() !== '', 'must not be blank')
      .optional(),
    url: z.url().optional(),
    ...documentAttributes,
  })
  .refine((body) => body.text !== undefined || body.url !== undefined, {
    error: 'give the document as text (files go as multipart/form-data)',
    path: ['text'],
  })
  .refine((body) => body.url === undefined, {
    error: 'ingestion from a URL is not in this version: fetch it yourself and send text or a file',
    path: ['url'],
  })
  .meta({ id: 'NewDocument' });

export function fromBody(body: z.output<typeof documentBody>): NewDocument {
  return {
    externalId: body.external_id ?? null,
    attributes: attributesOf(body),
    priority: body.priority ?? defaultPriority,
    contentType: 'text/plain; charset=utf-8',
    fileName: null,
    ...(body.pii && { pii: body.pii }),
    // NFC is what offsets count in; NUL can't be stored.
    content: { text: (body.text as string).normalize('NFC').replaceAll('\0', '') },
  };
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
