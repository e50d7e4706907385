import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stageUpload, sweepUploads } from '../../src/db/blobs.ts';
import { fileForm } from '../support/http.ts';
import { startService, type TestService } from '../support/service.ts';
import { openTestDatabase } from '../support/stores.ts';
import { waitFor } from '../support/wait-for.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService({ MAX_UPLOAD_MB: '2' });
});
afterAll(() => service.stop());

const documents = '/api/v1/documents';
const lines = (from: number, count: number) =>
  Array.from({ length: count }, (_, n) => `Line ${from + n} of a long file that comes in many parts.\n`).join(
    '',
  );

const stagedParts = async (): Promise<number> =>
  (
    await service.sql.query<{ n: number }>(
      'select count(*)::int as n from blob_parts where document_id is null',
    )
  )[0]?.n ?? -1;

async function storedFile(id: string): Promise<{ parts: number; sha256: string }> {
  const rows = await service.sql.query<{ part: number; bytes: Buffer }>(
    'select part, bytes from blob_parts where document_id = $1 order by part',
    [id],
  );
  expect(rows.map(({ part }) => part)).toEqual(rows.map((_, n) => n));
  const whole = Buffer.concat(rows.map(({ bytes }) => bytes));
  return { parts: rows.length, sha256: sha256(whole) };
}

const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');

describe('an uploaded file', () => {
  it('is in the database to the byte, in parts, and nothing beside it', async () => {
    const bytes = lines(0, 20_000);
    const reply = await service.admin.call('POST', documents, {
      form: fileForm({ name: 'long.txt', bytes }),
    });
    expect(reply.status).toBe(202);
    expect(reply.body.bytes).toBe(bytes.length);
    expect(await storedFile(reply.body.id)).toEqual({
      parts: Math.ceil(bytes.length / 262_144),
      sha256: sha256(bytes),
    });
    expect(await stagedParts()).toBe(0);
  });

  it('leaves nothing when it is unchanged, repeated, refused or too large', async () => {
    const bytes = lines(7, 10_000);
    const send = (fields: Record<string, string>, content = bytes, headers = {}) =>
      service.admin.call('POST', documents, {
        form: fileForm({ name: 'again.txt', bytes: content }, fields),
        headers,
      });
    const first = await send({ external_id: 'again' }, bytes, { 'Idempotency-Key': 'again' });
    expect(first.status).toBe(202);
    expect((await send({ external_id: 'again' })).status).toBe(200);
    const repeated = await send({ external_id: 'again' }, bytes, { 'Idempotency-Key': 'again' });
    expect(repeated.headers.get('idempotency-replayed')).toBe('true');
    expect((await send({ priority: 'high' })).status).toBe(422);
    expect((await send({}, lines(0, 60_000))).status).toBe(413);
    expect(await stagedParts()).toBe(0);
    expect((await storedFile(first.body.id)).sha256).toBe(sha256(bytes));
  });

  it('of a form with many comes each in its own parts', async () => {
    const contents = Array.from({ length: 12 }, (_, n) => lines(n * 1000, 1000 * (n + 1)));
    const form = new FormData();
    for (const [n, content] of contents.entries()) form.append('files', new Blob([content]), `${n}.txt`);
    const reply = await service.admin.call('POST', '/api/v1/ingestion-batches', { form });
    expect(reply.status).toBe(202);
    const items = (await service.admin.get(`${reply.body.links.items}?limit=100`)).body.items;
    const stored = await Promise.all(
      items.map(({ document_id }: { document_id: string }) => storedFile(document_id)),
    );
    expect(stored.map(({ sha256 }) => sha256)).toEqual(contents.map(sha256));
    expect(await stagedParts()).toBe(0);
  });

  it('that is cut off after parts of it were stored leaves none of them', async () => {
    const outgoing = request(new URL(documents, service.url), {
      method: 'POST',
      headers: {
        'X-API-Key': service.adminKey,
        'Content-Type': 'multipart/form-data; boundary=edge',
        'Content-Length': '2000000',
      },
    });
    const gone = new Promise<void>((resolve) => outgoing.on('error', () => resolve()));
    outgoing.write('--edge\r\nContent-Disposition: form-data; name="file"; filename="cut.txt"\r\n\r\n');
    outgoing.write(lines(0, 15_000));
    await waitFor('parts are stored before the form ends', async () => (await stagedParts()) > 1);
    outgoing.destroy(new Error('the client has gone'));
    await gone;
    await waitFor('they are gone again', async () => (await stagedParts()) === 0);
  });
});

describe('uploads that nobody took', () => {
  it('are swept an hour after their last part, others stay', async () => {
    const database = await openTestDatabase();
    try {
      const { db } = database;
      const [old, fresh] = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'];
      const source = async function* () {
        yield Buffer.alloc(600_000, 'x');
      };
      await stageUpload(db, old, source());
      await stageUpload(db, fresh, source());
      await db('blob_parts')
        .where({ upload_id: old })
        .update({ stored_at: db.raw(`now() - interval '2 hours'`) });
      await db('blob_parts')
        .where({ upload_id: fresh, part: 0 })
        .update({ stored_at: db.raw(`now() - interval '2 hours'`) });
      expect(await sweepUploads(db)).toBe(3);
      expect(await db('blob_parts').pluck('upload_id')).toEqual([fresh, fresh, fresh]);
    } finally {
      await database.close();
    }
  });
});
