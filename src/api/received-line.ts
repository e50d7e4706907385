import { z } from 'zod';
import type { ItemError } from '../db/batches.ts';
import type { ReceivedItem } from '../db/receiving.ts';
import { AppError, summarise } from '../errors.ts';
import type { UrlPolicy } from '../net/url-policy.ts';
import { documentBody, fromBody } from './new-document.ts';
import type { Line } from './read-lines.ts';
import { describeIssues } from './route.ts';
import { documentAttributes, storable } from './schemas.ts';

/** Of a line: what a JSON body may have. */
export const mostLineBytes = 1024 * 1024;

const { title: _title, external_id: _externalId, ...defaultsShape } = documentAttributes;

/** What may be said of every item at once. */
export const itemDefaults = z.strictObject(defaultsShape);
export type ItemDefaults = z.output<typeof itemDefaults>;

export function withDefaults(
  item: z.output<typeof documentBody>,
  defaults: ItemDefaults | undefined,
): z.output<typeof documentBody> {
  if (!defaults) return item;
  return { ...defaults, ...item, metadata: { ...defaults.metadata, ...item.metadata } };
}

const utf8 = new TextDecoder('utf-8', { fatal: true });
const named = z.object({ external_id: storable(z.string().min(1).max(500)) });

/** What a line asks for; one that can't be accepted becomes an item that says why, and which document it was about. */
export function readItem({ bytes, digest }: Line, defaults: ItemDefaults, policy: UrlPolicy): ReceivedItem {
  if (bytes === null)
    return refused(digest, 'payload_too_large', 'A line may have at most 1 MB: send larger texts as files.');
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch (cause) {
    const detail =
      cause instanceof SyntaxError
        ? `The line is not valid JSON: ${cause.message}.`
        : 'The line is not UTF-8.';
    return refused(digest, 'malformed_json', detail);
  }
  const externalId = named.safeParse(value).data?.external_id ?? null;
  const parsed = documentBody.safeParse(value);
  if (parsed.success) return acceptable(withDefaults(parsed.data, defaults), digest, policy);
  const errors = describeIssues(parsed.error, '');
  const [first] = errors as [(typeof errors)[number]];
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  const detail = `${first.pointer === '' ? 'The line' : first.pointer}: ${first.message}${more}`;
  const error: ItemError = { ...summarise(new AppError('validation_failed', detail)), errors };
  return { externalId, digest, error };
}

/** A URL that may not be fetched is this line's business alone. */
function acceptable(item: z.output<typeof documentBody>, digest: string, policy: UrlPolicy): ReceivedItem {
  try {
    const document = fromBody(item, policy);
    return { externalId: document.externalId, digest, document };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { errors } = error;
    return {
      externalId: item.external_id ?? null,
      digest,
      error: { ...summarise(error), ...(errors && { errors }) },
    };
  }
}

function refused(digest: string, code: 'payload_too_large' | 'malformed_json', detail: string): ReceivedItem {
  const errors = [{ pointer: '', message: detail }];
  return { externalId: null, digest, error: { ...summarise(new AppError(code, detail)), errors } };
}
