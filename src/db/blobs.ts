import type { Db } from './connect.ts';

/** Bytes of a part: small enough that neither the driver nor the embedded database holds a large file twice. */
const partBytes = 256 * 1024;

export async function storeBlob(db: Db, documentId: string, version: number, bytes: Buffer): Promise<void> {
  for (let part = 0; part * partBytes < bytes.length; part++) {
    const slice = bytes.subarray(part * partBytes, (part + 1) * partBytes);
    await db('blob_parts').insert({ document_id: documentId, version, part, bytes: slice });
  }
}

/** The file as it was uploaded; undefined when the version came as text. */
export async function loadBlob(db: Db, documentId: string, version: number): Promise<Buffer | undefined> {
  const where = { document_id: documentId, version };
  const parts: number[] = await db('blob_parts').where(where).orderBy('part').pluck('part');
  if (parts.length === 0) return undefined;
  const slices: Buffer[] = [];
  for (const part of parts)
    slices.push(
      (
        await db('blob_parts')
          .where({ ...where, part })
          .first('bytes')
      ).bytes,
    );
  return Buffer.concat(slices);
}
