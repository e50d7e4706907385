import { createHash, type Hash } from 'node:crypto';
import type { Db } from './connect.ts';

/** Bytes of a part: small enough that neither the driver nor the embedded database holds a large file twice. */
const partBytes = 256 * 1024;

/** A file in the database that no document has yet: `adoptUpload` gives it to one, otherwise it is swept. */
export interface StagedUpload {
  uploadId: string;
  bytes: number;
  /** SHA-256 of all bytes so far; take a `copy()` to go on or to read it. */
  hash: Hash;
}

/** Writes bytes as they come, each part in a statement of its own; the source waits meanwhile. */
export async function stageUpload(
  db: Db,
  uploadId: string,
  source: AsyncIterable<Uint8Array>,
): Promise<StagedUpload> {
  const hash = createHash('sha256');
  let bytes = 0;
  let part = 0;
  for await (const slice of inParts(source)) {
    await db('blob_parts').insert({ upload_id: uploadId, part: part++, bytes: slice });
    hash.update(slice);
    bytes += slice.length;
  }
  return { uploadId, bytes, hash };
}

async function* inParts(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let waiting: Uint8Array[] = [];
  let length = 0;
  for await (const piece of source) {
    waiting.push(piece);
    length += piece.length;
    if (length < partBytes) continue;
    let whole = Buffer.concat(waiting);
    for (; whole.length >= partBytes; whole = whole.subarray(partBytes)) yield whole.subarray(0, partBytes);
    waiting = [whole];
    length = whole.length;
  }
  if (length > 0) yield Buffer.concat(waiting);
}

/**
 * Makes a staged upload the file of a version: only keys change, no byte is copied. Throws when it has been swept meanwhile,
 * which takes an hour without a new part.
 */
export async function adoptUpload(
  trx: Db,
  { uploadId, bytes }: StagedUpload,
  documentId: string,
  version: number,
): Promise<void> {
  const adopted = await trx('blob_parts')
    .where({ upload_id: uploadId })
    .whereNull('document_id')
    .update({ document_id: documentId, version });
  if (adopted !== Math.ceil(bytes / partBytes))
    throw new Error(`upload ${uploadId} is not complete any more`);
}

/** A staged upload's bytes, part by part, each read when it is asked for. */
export async function* readUpload(db: Db, uploadId: string): AsyncGenerator<Buffer> {
  for (let part = 0; ; part++) {
    const row = await db('blob_parts').where({ upload_id: uploadId, part }).first('bytes');
    if (row === undefined) return;
    yield row.bytes;
  }
}

/** Removes what no document has adopted of these uploads. */
export async function discardUploads(db: Db, uploadIds: readonly string[]): Promise<void> {
  if (uploadIds.length === 0) return;
  await db('blob_parts').whereIn('upload_id', uploadIds).whereNull('document_id').delete();
}

/** Removes uploads that have had no new part for an hour: whoever received them is gone. Returns the number of parts. */
export async function sweepUploads(db: Db): Promise<number> {
  const { rowCount } = await db.raw(
    `delete from blob_parts where document_id is null and upload_id in (
       select upload_id from blob_parts where document_id is null
        group by upload_id having max(stored_at) < now() - interval '1 hour')`,
  );
  return rowCount ?? 0;
}

/** A file whose bytes are at hand. */
export async function storeBlob(db: Db, documentId: string, version: number, bytes: Buffer): Promise<void> {
  for (let part = 0; part * partBytes < bytes.length; part++) {
    const slice = bytes.subarray(part * partBytes, (part + 1) * partBytes);
    await db('blob_parts').insert({ document_id: documentId, version, part, bytes: slice });
  }
}

/** Whether the version came as a file. */
export async function hasBlob(db: Db, documentId: string, version: number): Promise<boolean> {
  return (await db('blob_parts').where({ document_id: documentId, version }).first('part')) !== undefined;
}

/** The file as it was uploaded, part by part, each read when it is asked for. */
export async function* readBlob(db: Db, documentId: string, version: number): AsyncGenerator<Buffer> {
  for (let part = 0; ; part++) {
    const row = await db('blob_parts').where({ document_id: documentId, version, part }).first('bytes');
    if (row === undefined) return;
    yield row.bytes;
  }
}
