import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { documentSchema, type RemoteDocument, type Service, send } from './client.ts';
import type { State } from './state.ts';
import type { FoundFile } from './walk.ts';

/** What is said of every document of a source. */
export interface Attributes {
  metadata: Record<string, string>;
  taxonomyPath: string[];
  priority: number | undefined;
}

/** A folder whose files are documents `name/path`. */
export interface Source {
  name: string;
  /** Where its documents are. */
  collection: string;
  attributes: Attributes;
  state: State;
  /** What the service has of it, by external_id. */
  remote: Map<string, RemoteDocument>;
  /** Read each file, whatever its time and size say. */
  checksum: boolean;
}

/** A file and how it compares with what the service has. `bytes` where it is to be sent. */
export type Plan =
  | { file: FoundFile; action: 'none' | 'follow'; document: RemoteDocument }
  | { file: FoundFile; action: 'send'; bytes: Buffer; hash: string };

export const externalId = (name: string, path: string): string => `${name}/${path}`;

/** What is to be done about a file: nothing, when the service has what was sent from here, and the file is still that. */
export async function plan(source: Source, file: FoundFile): Promise<Plan> {
  const entry = source.state.get(file.path);
  const document = source.remote.get(externalId(source.name, file.path));
  const attributes = fingerprint(source.attributes);
  const stands =
    entry !== undefined &&
    document !== undefined &&
    entry.attributes === attributes &&
    entry.id === document.id &&
    entry.version === document.version &&
    !['failed', 'cancelled'].includes(document.status);
  const follow = (known: RemoteDocument): Plan => ({
    ...{ file, document: known },
    action: known.is_terminal ? 'none' : 'follow',
  });
  const untouched = entry?.size === file.size && entry.mtimeMs === file.mtimeMs && !source.checksum;
  if (stands && untouched) return follow(document);
  const bytes = await readFile(file.full);
  const hash = createHash('sha256').update(bytes).digest('hex');
  if (!stands || hash !== entry.hash) return { file, action: 'send', bytes, hash };
  await source.state.put({ ...entry, size: file.size, mtimeMs: file.mtimeMs });
  return follow(document);
}

/** Sends a file as the next version of its document. `isNew` is false when the service had this very content. */
export async function upload(
  service: Service,
  { attributes, collection, name, state }: Source,
  { bytes, file, hash }: Extract<Plan, { action: 'send' }>,
): Promise<{ document: RemoteDocument; isNew: boolean }> {
  const form = new FormData();
  form.set('external_id', externalId(name, file.path));
  form.set('collection', collection);
  form.set('metadata', JSON.stringify({ ...attributes.metadata, source: name, path: file.path }));
  if (attributes.taxonomyPath.length > 0) form.set('taxonomy_path', JSON.stringify(attributes.taxonomyPath));
  if (attributes.priority !== undefined) form.set('priority', String(attributes.priority));
  form.set('file', new Blob([bytes as Buffer<ArrayBuffer>]), file.path.slice(file.path.lastIndexOf('/') + 1));
  // A key of its own each time: a file that returns to an earlier content is a new version, not the earlier reply again.
  const headers = { 'Idempotency-Key': randomUUID() };
  const { status, body } = await send(service, 'POST', '/api/v1/documents', { body: form, headers });
  const document = documentSchema.parse(body);
  const { path, mtimeMs } = file;
  await state.put({
    ...{ path, mtimeMs, size: bytes.length, hash, attributes: fingerprint(attributes) },
    ...{ id: document.id, version: document.version },
  });
  return { document, isNew: status === 202 };
}

function fingerprint(attributes: Attributes): string {
  return createHash('sha256').update(JSON.stringify(attributes)).digest('hex').slice(0, 16);
}
