import { z } from 'zod';
import { collectionName } from '../access.ts';
import { piiPolicies } from '../text/pii/mask.ts';

/** Greatest value of a Postgres integer: beyond it a number is an error there, not a miss. */
export const greatestInteger = 2 ** 31 - 1;

/** Postgres holds neither NUL nor half a surrogate pair. */
export const isStorable = (text: string): boolean => !/[\0\p{Surrogate}]/u.test(text);
export const unstorable = 'must not contain NUL or half a surrogate pair';

/** For every text that is stored or compared with stored ones. */
export const storable = (schema: z.ZodString) => schema.refine(isStorable, unstorable);
const text = (max: number) => storable(z.string().min(1).max(max));

/** Shapes that several resources share. Dates are RFC 3339 in UTC. */
export const timestamp = z.iso.datetime();
export const idParams = z.strictObject({ id: z.uuid() });
/** A version of a document, or any other whole number from 1 that names something. */
export const ordinal = z.coerce.number('must be a whole number from 1').int().positive().max(greatestInteger);
export const versionParams = z.strictObject({ id: z.uuid(), n: ordinal });
export const pageQuery = {
  limit: z.coerce.number('must be a whole number from 1 to 200').int().min(1).max(200).default(50),
  cursor: z.string().max(500).optional(),
};

/** Where the next page of something numbered from 0 begins. */
export const positionCursor = z.coerce
  .number('pass next_cursor of the previous page')
  .int()
  .min(0)
  .max(greatestInteger)
  .default(0);

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    detail: z.string(),
    instance: z.string(),
    request_id: z.string(),
    retryable: z.boolean(),
    errors: z.array(z.object({ pointer: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem' });

export const errorSummarySchema = z
  .object({ code: z.string(), detail: z.string(), retryable: z.boolean() })
  .meta({ id: 'ErrorSummary' });

/** JSON of strangers may be nested deeper than any stack; 20 levels are plenty for what is said of a document. */
const deepest = 20;

function isPlain(value: unknown, depth = 0): boolean {
  if (typeof value === 'string') return isStorable(value);
  if (typeof value !== 'object' || value === null) return true;
  return (
    depth < deepest &&
    Object.entries(value).every(([key, inner]) => isStorable(key) && isPlain(inner, depth + 1))
  );
}

export const taxonomyPath = z.array(text(200)).max(20);
export const metadata = z
  .record(z.string().max(200), z.unknown())
  .refine((value) => isPlain(value), { error: `${unstorable}, nor more than ${deepest} levels`, abort: true })
  .refine((value) => JSON.stringify(value).length <= 16_384, 'must have at most 16 kB as JSON');

export const canonicalIn = z
  .array(taxonomyPath.min(1))
  .max(100)
  .describe('Taxonomy path prefixes; documents under any of them pass. An empty list lets nothing through.');

export const filters = z
  .strictObject({
    canonical_in: canonicalIn.optional(),
    document_ids: z.array(z.uuid()).max(1000).optional(),
    collections: z.array(collectionName).max(100).optional().describe('Documents of any of them pass'),
    metadata: metadata.optional(),
  })
  .meta({ id: 'Filters' });

/** An assistant by name, or by id. */
export const assistantName = text(100).describe(
  'Name or id of the assistant to ask: within its scope, as it searches, with its instructions',
);

export const strategyName = z.enum(['auto', 'keyword', 'vector', 'hybrid']);

/** Of a document whose sender does not say. */
export const defaultPriority = 5;

/** What a caller may say of a document beside its content. */
export const documentAttributes = {
  title: text(500).optional(),
  external_id: text(500).optional().describe('Its name: one document of it in a collection'),
  collection: collectionName
    .optional()
    .describe("Where it belongs; left out: the key's only collection, or `default`"),
  source_url: z.url().max(2000).refine(isStorable, unstorable).optional(),
  author: text(200).optional(),
  language: z
    .string()
    .regex(/^[a-z]{2,3}(-[A-Za-z0-9]+)*$/, 'must be a BCP 47 tag such as ko or en')
    .optional(),
  taxonomy_path: taxonomyPath.optional(),
  metadata: metadata.optional(),
  priority: z.int().min(1).max(10).optional().describe('1 is worked on first, 10 last; 5 when not given.'),
  pii: z
    .enum(piiPolicies)
    .optional()
    .describe(
      'Personal data in the content: off keeps it, mask puts placeholders, reject fails the document. PII_POLICY when left out.',
    ),
};

export function listOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next_cursor: z.string().nullable() });
}
