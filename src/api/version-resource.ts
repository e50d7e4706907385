import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { documentStatuses } from '../db/documents.ts';
import type { TextComparison, VersionRow } from '../db/history.ts';
import { environmentAdmin } from './auth.ts';
import { errorSummarySchema, metadata, timestamp } from './schemas.ts';

export const versionSchema = z
  .object({
    version: z.int(),
    status: z.enum(documentStatuses),
    live: z.boolean(),
    attributes: z
      .object({
        title: z.string().nullable(),
        source_url: z.string().nullable(),
        author: z.string().nullable(),
        language: z.string().nullable(),
        taxonomy_path: z.array(z.string()),
        metadata,
      })
      .describe('What was said of it when it was brought'),
    content_type: z.string(),
    file_name: z.string().nullable(),
    bytes: z.int(),
    chunk_count: z.int(),
    error: errorSummarySchema.nullable(),
    created_by: z
      .object({ id: z.uuid(), name: z.string().nullable() })
      .nullable()
      .describe('The API key that brought it; null for versions from before this was noted'),
    restored_from: z.int().nullable(),
    content_kept: z
      .boolean()
      .describe('false: text and bytes of so old a version were removed (VERSIONS_KEPT)'),
    created_at: timestamp,
    updated_at: timestamp,
    links: z.object({ self: z.string(), text: z.string(), diff: z.string(), restore: z.string() }),
  })
  .meta({ id: 'DocumentVersion' });

export function toVersion(documentId: string, row: VersionRow) {
  const { api_key_id, api_key_name, swept_at, ...rest } = row;
  const self = `/api/v1/documents/${documentId}/versions/${row.version}`;
  const name = api_key_id === environmentAdmin.id ? environmentAdmin.name : api_key_name;
  return {
    ...rest,
    created_by: api_key_id === null ? null : { id: api_key_id, name },
    content_kept: swept_at === null,
    links: { self, text: `${self}/text`, diff: `${self}/diff`, restore: `${self}/restore` },
  };
}

const values = z.record(z.string(), z.unknown());
const differences = z.object({
  added: values,
  removed: values,
  changed: z.record(z.string(), z.object({ from: z.unknown(), to: z.unknown() })),
});
const pair = <T extends z.ZodType>(of: T) => z.object({ from: of, to: of });

export const diffSchema = z
  .object({
    document_id: z.uuid(),
    from: z.int(),
    to: z.int(),
    attributes: differences.describe('title, source_url, author, language, taxonomy_path'),
    metadata: differences.describe('By its keys'),
    content_type: pair(z.string()),
    file_name: pair(z.string().nullable()),
    bytes: pair(z.int()).describe('As they came'),
    chunk_count: pair(z.int()),
    text: z.object({
      changed: z.boolean().nullable().describe('null: the text of one of them is not known (any more)'),
      bytes: pair(z.int().nullable()).describe('In UTF-8'),
    }),
  })
  .meta({ id: 'DocumentDiff' });

/** What is different in version `to`, seen from version `from`. */
export function toDiff(documentId: string, from: VersionRow, to: VersionRow, text: TextComparison) {
  const both = <Key extends keyof VersionRow>(key: Key) => ({ from: from[key], to: to[key] });
  const { metadata: metadataFrom, ...rest } = from.attributes;
  const { metadata: metadataTo, ...restTo } = to.attributes;
  return {
    document_id: documentId,
    from: from.version,
    to: to.version,
    attributes: differencesOf(present(rest), present(restTo)),
    metadata: differencesOf(metadataFrom, metadataTo),
    content_type: both('content_type'),
    file_name: both('file_name'),
    bytes: both('bytes'),
    chunk_count: both('chunk_count'),
    text: { changed: text.changed, bytes: { from: text.bytes[0], to: text.bytes[1] } },
  };
}

/** What was not said is not there: null, and an empty path. */
function present(attributes: object): Record<string, unknown> {
  const isSaid = (value: unknown) => value !== null && !(Array.isArray(value) && value.length === 0);
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => isSaid(value)));
}

function differencesOf(from: Record<string, unknown>, to: Record<string, unknown>) {
  const only = (a: Record<string, unknown>, b: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(a).filter(([key]) => !Object.hasOwn(b, key)));
  const changed = Object.keys(from)
    .filter((key) => Object.hasOwn(to, key) && !isDeepStrictEqual(from[key], to[key]))
    .map((key) => [key, { from: from[key], to: to[key] }]);
  return { added: only(to, from), removed: only(from, to), changed: Object.fromEntries(changed) };
}
