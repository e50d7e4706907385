import { createHash, type Hash, randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { type Access, homeCollection, refuseOutside } from '../access.ts';
import type { PiiPolicy } from '../text/pii/mask.ts';
import { transactionAgain } from './again.ts';
import { adoptUpload, type StagedUpload, storeBlob } from './blobs.ts';
import { setGiven } from './given-nodes.ts';
import { findTry, type Known, lockKnown, nameOf, refuseUnseen } from './known-documents.ts';
import { keepVectors } from './known-vectors.ts';
import { ensurePaths, type Places } from './taxonomy.ts';

/** What a caller may say about a document beside its content. */
export interface Attributes {
  title: string | null;
  source_url: string | null;
  author: string | null;
  language: string | null;
  taxonomy_path: string[];
  metadata: Record<string, unknown>;
}

export interface NewDocument {
  externalId: string | null;
  /** Left out: the only one of the key, or `default`. */
  collection?: string | undefined;
  attributes: Attributes;
  priority: number;
  contentType: string;
  fileName: string | null;
  /** What becomes of personal data in it; left out: what the options say. */
  pii?: PiiPolicy;
  /** JSON text, NFC; a file, its bytes or the upload that holds them in the database; or where a worker is to fetch it. */
  content: { text: string } | { file: Buffer } | { upload: StagedUpload } | { url: string };
}

export interface Accepted {
  documentId: string;
  version: number;
  outcome: 'accepted' | 'unchanged';
}

/** A document with what is filled in where its sender says nothing. */
type Item = NewDocument & { collection: string; pii: PiiPolicy };

interface AcceptOptions {
  apiKeyId: string | null;
  createPaths: boolean;
  /** For documents that do not say what becomes of personal data; `mask` when left out. */
  piiPolicy?: PiiPolicy;
  /** What the key is restricted to. */
  access?: Access | undefined;
  /** Where in the request the n-th of the documents stands; left out: at its root. */
  pointerOf?: (n: number) => string;
  /** Id for a document without external_id, the same at every try; left out: a new one. */
  workId?: string;
}

/**
 * Inserts the rows of new documents, or of new versions of those whose `externalId` is known; the same content and
 * attributes again is `unchanged` and costs nothing. An older version that is still being worked on is cancelled.
 * One transaction for all; call it inside one to add rows of your own.
 *
 * @throws AppError `forbidden` for one that is to be where the key may not see it, `not_found` where its name is that of one
 * that the key may not see, `unknown_taxonomy_path`
 */
export async function acceptDocuments(
  trx: Knex.Transaction,
  given: readonly NewDocument[],
  options: AcceptOptions,
): Promise<Accepted[]> {
  const items = given.map((item, n) => fillIn(item, options, n));
  const places = await ensurePaths(
    trx,
    items.map((item) => item.attributes.taxonomy_path),
    options.createPaths,
  );
  const nodeIds = items.map((item, n) => nodeIdOf(item, places, options, n));
  const known = await lockKnown(trx, items, options.access);
  const accepted: Accepted[] = [];
  for (const [index, item] of inOrderOfNames(items)) {
    const unnamed = item.externalId === null;
    const before = unnamed ? await findTry(trx, options.workId, options.access) : known.get(nameOf(item));
    if (before) refuseUnseen(before, options.pointerOf?.(index));
    const row = nextRow(item, before, (unnamed ? options.workId : undefined) ?? randomUUID());
    if (row.outcome === 'accepted') {
      await insertRows(trx, row, item, { apiKeyId: options.apiKeyId, nodeId: nodeIds[index] ?? null });
      if (item.externalId !== null) known.set(nameOf(item), row);
    }
    accepted[index] = { documentId: row.id, version: row.version, outcome: row.outcome };
  }
  return accepted;
}

function fillIn(item: NewDocument, options: AcceptOptions, n: number): Item {
  const { access, piiPolicy = 'mask', pointerOf } = options;
  const { collection = homeCollection(access), pii = piiPolicy } = item;
  refuseOutside(access, { collection, taxonomyPath: item.attributes.taxonomy_path }, pointerOf?.(n));
  return { ...item, collection, pii };
}

/** A path that has been renamed or moved means the node that it led to; the key must be able to see where that is now. */
function nodeIdOf(
  item: Item,
  places: Places,
  { access, pointerOf }: AcceptOptions,
  n: number,
): string | null {
  const place = places.get(item.attributes.taxonomy_path);
  if (!place) return null;
  refuseOutside(access, { collection: item.collection, taxonomyPath: place.path }, pointerOf?.(n));
  return place.id;
}

/**
 * The items with their places in the list. Callers that bring the same new documents insert them in the same order, so that
 * one waits for the other rather than both for each other.
 */
function inOrderOfNames(items: readonly Item[]): [number, Item][] {
  const order = ([, a]: [number, Item], [, b]: [number, Item]) =>
    nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : 0;
  return [...items.entries()].sort(order);
}

type NextRow = Known & { outcome: Accepted['outcome'] };

/** What becomes of a document that is known as `before`, or is new under `id`. */
function nextRow(item: NewDocument, before: Known | undefined, id: string): NextRow {
  const hash = contentHash(item);
  if (before && before.content_hash === hash && saysTheSame(item, before.status))
    return { ...before, outcome: 'unchanged' };
  return {
    id: before?.id ?? id,
    version: (before?.version ?? 0) + 1,
    content_hash: hash,
    status: 'queued',
    outcome: 'accepted',
  };
}

/** Whether the version that is there makes another one of the same hash needless. What a URL gives now, only fetching it tells. */
function saysTheSame(item: NewDocument, status: string): boolean {
  if ('url' in item.content) return status === 'queued';
  return !['failed', 'cancelled'].includes(status);
}

async function insertRows(
  trx: Knex.Transaction,
  row: NextRow,
  item: Item,
  by: { apiKeyId: string | null; nodeId: string | null },
): Promise<void> {
  if (row.version > 1) await nextVersion(trx, row);
  else {
    await trx('documents').insert({
      ...attributeColumns(item.attributes),
      id: row.id,
      external_id: item.externalId,
      collection: item.collection,
      version: 1,
      api_key_id: by.apiKeyId,
    });
    if (by.nodeId !== null) await setGiven(trx, row.id, by.nodeId);
  }
  await insertVersion(trx, row, item, by);
}

/** Postgres' code for a broken unique index. */
const uniqueViolation = '23505';

/** What two callers of one name, or two tries of one request, meet in. */
const racing = new Set(['documents_external_id', 'documents_pkey', 'ingestion_batches_pkey']);

/** Runs `work` in a transaction, again when another caller or try created the same meanwhile. */
export async function acceptingTransaction<T>(
  db: Knex,
  work: (trx: Knex.Transaction) => Promise<T>,
): Promise<T> {
  return transactionAgain(
    db,
    work,
    ({ code, constraint }) => code === uniqueViolation && racing.has(constraint ?? ''),
  );
}

/** Makes `version` the document's newest: an older one that is still being worked on is cancelled. */
export async function nextVersion(
  trx: Knex.Transaction,
  { id, version }: { id: string; version: number },
): Promise<void> {
  await trx('documents').where({ id }).update({ version, updated_at: trx.fn.now() });
  await trx('document_versions')
    .where({ document_id: id })
    .whereIn('status', ['queued', 'parsing', 'embedding'])
    .update({ status: 'cancelled', lease_token: null, lease_until: null, updated_at: trx.fn.now() });
  await removeUnpublished(trx, id);
}

/** Chunks of versions that never went live and now never will; what a model was asked for them is kept. */
async function removeUnpublished(trx: Knex.Transaction, documentId: string): Promise<void> {
  const unpublished = { document_id: documentId, live: false };
  if (!(await trx('chunks').where(unpublished).first('seq'))) return;
  const { live_version } = await trx('documents').where({ id: documentId }).first('live_version');
  await keepVectors(trx, documentId, live_version);
  await trx('chunks').where(unpublished).delete();
}

async function insertVersion(
  trx: Knex.Transaction,
  row: { id: string; version: number; content_hash: string },
  item: NewDocument,
  { apiKeyId, nodeId }: { apiKeyId: string | null; nodeId: string | null },
): Promise<void> {
  const { content } = item;
  const text = 'text' in content ? content.text : null;
  await trx('document_versions').insert({
    document_id: row.id,
    version: row.version,
    content_hash: row.content_hash,
    source_hash: sourceHash(item),
    content_type: item.contentType,
    file_name: item.fileName,
    bytes: contentBytes(content),
    text,
    fetch_url: 'url' in content ? content.url : null,
    attributes: JSON.stringify(item.attributes),
    priority: item.priority,
    node_id: nodeId,
    ...(item.pii && { pii_policy: item.pii }),
    ...(apiKeyId === null ? {} : { api_key_id: apiKeyId }),
  });
  if ('file' in content) await storeBlob(trx, row.id, row.version, content.file);
  if ('upload' in content) await adoptUpload(trx, content.upload, row.id, row.version);
}

/** Of what is to be fetched none are known yet. */
function contentBytes(content: NewDocument['content']): number {
  if ('upload' in content) return content.upload.bytes;
  if ('file' in content) return content.file.length;
  return 'text' in content ? Buffer.byteLength(content.text) : 0;
}

/** The same content, said to be the same: nothing to do. */
function contentHash(item: NewDocument): string {
  return hashOf(item.content, [
    item.contentType,
    { ...item.attributes, metadata: sorted(item.attributes.metadata) },
    // The same content under another policy is another text.
    ...(item.pii === 'off' ? [] : [item.pii]),
  ]);
}

/** The same content, whatever is said of it; null where it is still to be fetched. */
function sourceHash(item: NewDocument): string | null {
  return 'url' in item.content ? null : hashOf(item.content, [item.contentType, item.fileName]);
}

function hashOf(content: NewDocument['content'], rest: unknown): string {
  return startHash(content).update('\0').update(JSON.stringify(rest)).digest('hex');
}

function startHash(content: NewDocument['content']): Hash {
  if ('upload' in content) return content.upload.hash.copy();
  const own = 'file' in content ? content.file : 'url' in content ? `url\0${content.url}` : content.text;
  return createHash('sha256').update(own);
}

/** The order in which an object's keys are written means nothing. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}

/** Attributes as columns of `documents`; where it stands in the taxonomy has rows of its own. */
function attributeColumns({ taxonomy_path: _, metadata, ...rest }: Attributes) {
  return { ...rest, metadata: JSON.stringify(metadata) };
}

/** The same from a column of a version, as what an update of `documents` sets. */
export function attributesAsColumns(attributes: string): string {
  const texts = ['title', 'source_url', 'author', 'language'];
  const columns = texts.map((name) => `${name} = ${attributes} ->> '${name}'`);
  return [...columns, `metadata = ${attributes} -> 'metadata'`].join(', ');
}

/** Takes the attributes of a version over into its document, and the node that was given with it: part of the switch. */
export async function applyAttributes(
  trx: Knex.Transaction,
  { documentId, version }: { documentId: string; version: number },
  { attributes, nodeId }: { attributes: Attributes; nodeId: string | null },
): Promise<void> {
  // First: what goes live without a place is marked as to be classified.
  await setGiven(trx, documentId, nodeId);
  await trx('documents')
    .where({ id: documentId })
    .update({
      ...attributeColumns(attributes),
      live_version: version,
      updated_at: trx.fn.now(),
    });
}
