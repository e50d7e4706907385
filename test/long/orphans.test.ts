import { afterAll, beforeAll, expect, it } from 'vitest';
import { addDocument, ask, type Json, startService, type TestService } from '../support/service.ts';
import { waitFor } from '../support/wait-for.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService({ ANSWER_CACHE_TTL_SECONDS: '600' });
});
afterAll(() => service.stop());

const orphans = async (): Promise<Json> => (await service.admin.get('/api/v1/admin/orphans')).body;
const byKind = ({ items }: Json, field: string): Record<string, number> =>
  Object.fromEntries(
    items.filter((item: Json) => item[field] > 0).map((item: Json) => [item.kind, item[field]]),
  );
/** As no statement of ours could: without foreign keys and triggers. */
const meddle = (...statements: string[]) =>
  service.sql.query(`begin; set local session_replication_role = replica; ${statements.join(';')}; commit`);

it('rows that belong to nothing are none, and are counted, told and removed when somebody makes some', async () => {
  const [torn, hidden, staying] = [
    await addDocument(service.admin, { text: 'The ropewalk is torn down.', external_id: 'torn' }),
    await addDocument(service.admin, { text: 'The sail loft is hidden.', external_id: 'hidden' }),
    await addDocument(service.admin, { text: 'The smithy stays where it is.', external_id: 'staying' }),
  ] as [Json, Json, Json];
  const answer = await ask(service.admin, { question: 'Is the ropewalk torn down?' });
  expect(answer.sources[0].document_id).toBe(torn.id);
  // A start looks at once; from then on there is time.
  const scanned = ({ items }: Json) => items.every(({ scanned_at }: Json) => scanned_at !== null);
  await waitFor('the first scan', async () => scanned(await orphans()));
  expect(await orphans()).toMatchObject({ total: 0 });

  const nowhere = '00000000-0000-4000-8000-000000000000';
  await meddle(
    `delete from documents where id = '${torn.id}'`,
    `update documents set deleted_at = now() where id = '${hidden.id}'`,
    `insert into chunk_vectors (chunk_seq, model, embedding) values (999999, 'none@3', '[1,2,3]')`,
    `insert into postings (word, chunk_seq, frequency, word_count) values ('xyzzy', 999999, 1, 1)`,
    `insert into blob_parts (document_id, version, part, bytes) values ('${nowhere}', 1, 0, '\\x00')`,
    `insert into kept_vectors (document_id, version, model, text_hash, embedding) values ('${nowhere}', 1, 'none@3', '\\x00', '[1]')`,
    `with b as (insert into ingestion_batches (total) values (1) returning id)
     insert into ingestion_items (batch_id, n, external_id, document_id, version, outcome) select id, 0, 'lost', '${nowhere}', 1, 'accepted' from b`,
  );
  const made = {
    ...{ chunks: 1, document_versions: 1, documents: 1, chunk_vectors: 1, postings: 1, blob_parts: 1 },
    // What the question found is cached, and so is its answer.
    ...{ kept_vectors: 1, ingestion_items: 1, answers: 1, answer_records: 1, query_cache: 2 },
  };
  expect(byKind(await orphans(), 'found')).toEqual(made);
  expect((await service.anonymous.get('/metrics')).text).not.toMatch(/^rag_orphans\{table="postings"\} 1/m);

  await service.sql.query(`update schedules set next_at = now() where job = 'scanOrphans'`);
  const seen = await waitFor('upkeep has removed them', async () => {
    const now = await orphans();
    return now.total === 0 && now;
  });
  expect(byKind(seen, 'removed')).toMatchObject({
    chunks: 1,
    documents: 1,
    chunk_vectors: 1,
    postings: 1,
    answers: 1,
  });
  const metrics = (await service.anonymous.get('/metrics')).text;
  for (const [kind, count] of Object.entries(made))
    expect(metrics).toContain(`rag_orphans{table="${kind}"} ${count}\n`);

  const receipts = await waitFor('the hidden one is removed by an operation', async () => {
    const rows = await service.sql.query<Json>(`select receipt from operations where status = 'completed'`);
    return rows.length > 0 && rows;
  });
  expect(receipts).toMatchObject([{ receipt: { documents: 1, residual: 0 } }]);
  const cited = (await service.admin.get(`/api/v1/answers/${answer.id}`)).body;
  expect(cited.sources[0]).toMatchObject({ deleted: true, text: '' });
  expect((await service.admin.get(`/api/v1/documents/${staying.id}`)).body.status).toBe('ready');
  const [sums] = await service.sql.query<Json>(
    `select s.live_chunks::int as told, (select count(*)::int from chunks where live) as counted,
            (select count(*)::int from posting_counts where word not in (select word from postings)) as words from corpus_state s`,
  );
  expect(sums).toEqual({ told: 1, counted: 1, words: 0 });
});
