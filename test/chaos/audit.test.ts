import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startService, type TestService } from '../support/service.ts';
import { waitFor } from '../support/wait-for.ts';
import { type Audit, auditLedger } from './audit.ts';
import { openClient } from './client.ts';
import { brokenInvariants, checkInvariants } from './invariants.ts';
import { type Entry, openLedger } from './ledger.ts';
import { driveLoad } from './load.ts';
import { planLoad } from './plan.ts';
import { adminKey } from './product.ts';
import { createRandom } from './random.ts';

type Verdict = keyof Omit<Audit, 'reruns'>;

/** What could have happened to the rows, and what the audit must call it. */
const damages: [Verdict, string, string][] = [
  [
    'lost',
    'a document is gone',
    `delete from documents where id = (select max(id::text)::uuid from documents)`,
  ],
  ['lost', 'an ingestion failed', `update document_versions set status = 'failed'`],
  ['lost', 'an answer is gone', 'delete from answers'],
  ['lost', 'an answer expired', `update answers set status = 'expired'`],
  ['lost', 'a batch lacks an item', 'delete from ingestion_items where n = 1'],
  ['lost', 'a chunk is gone', 'delete from chunks where seq = (select max(seq) from chunks)'],
  ['lost', 'a vector is gone', 'delete from chunk_vectors where chunk_seq = (select max(seq) from chunks)'],
  ['lost', 'a posting is gone', 'delete from postings where chunk_seq = (select max(seq) from chunks)'],
  ['doubled', 'an answer was made twice', answerCopy('question')],
  [
    'doubled',
    'a batch was made twice',
    `with b as (insert into ingestion_batches (total) values (3) returning id)
     insert into ingestion_items (batch_id, n, external_id, outcome)
     select b.id, n, external_id, outcome from ingestion_items, b where batch_id = (select max(batch_id::text)::uuid from ingestion_items)`,
  ],
  [
    'doubled',
    'a document has a version that nobody sent',
    `insert into document_versions (document_id, version, status, content_hash, content_type, attributes, bytes)
     select document_id, 9, 'cancelled', content_hash, content_type, attributes, bytes from document_versions where version = 1`,
  ],
  ['doubled', 'a posting too many', `insert into postings select 'xyzzy', max(seq), 1, 1 from chunks`],
  ['doubled', 'the corpus counted a chunk twice', 'update corpus_state set live_chunks = live_chunks + 1'],
  [
    'doubled',
    'an experience was learned with a version that did not',
    `with version as (insert into policy_versions (number, policy, snapshot, made_by, experiences, learned, live)
                      values (999, 'none', '{}', 'batch', 0, 0, false) returning number)
     update experiences set learned_version = 999, learned_at = now()`,
  ],
  ['phantom', "an answer is nobody's", answerCopy(`question || '?'`)],
  ['phantom', "a document is nobody's", `update documents set external_id = 'another-' || external_id`],
  [
    'phantom',
    'an experience without its answer',
    'update experiences set answer_id = gen_random_uuid() where id = (select max(id) from experiences)',
  ],
  ['phantom', 'chunks of a version that is not live', 'update documents set live_version = live_version + 1'],
  ['lost', 'no generation is live', `update embedding_generations set status = 'standby'`],
  [
    'lost',
    'a generation lacks the vectors it is said to have',
    `insert into embedding_generations (provider, model, dimensions, status) values ('local', 'other@3', 3, 'standby')`,
  ],
  ['phantom', 'vectors of another length', 'update embedding_generations set dimensions = dimensions + 1'],
  ['phantom', 'vectors of no generation', `update embedding_generations set model = 'another-' || model`],
  [
    'stuck',
    'a generation is not built to its end',
    `insert into embedding_generations (provider, model, dimensions, status) values ('local', 'other@3', 3, 'building')`,
  ],
  ['stuck', 'an answer waits', `update answers set status = 'queued'`],
  ['stuck', 'a lease is held', 'update document_versions set lease_token = gen_random_uuid()'],
  ['stuck', 'a batch is not learned', 'update experiences set batch = 1, learned_at = null'],
];

function answerCopy(question: string): string {
  return `insert into answers (question, request, deadline_at, expires_at)
          select ${question}, request, deadline_at, expires_at from answers limit 1`;
}

let service: TestService;
let ledger: Entry[];

const query = <Row>(text: string, values?: unknown[]) => service.sql.query<Row>(text, values);

async function audit(): Promise<Audit> {
  const found = await auditLedger(query, ledger);
  await checkInvariants(query, found);
  return found;
}

beforeAll(async () => {
  service = await startService({ ADMIN_API_KEY: adminKey, FEATURE_EXPERIENCE_REPLAY: 'true' });
  const random = createRandom(3);
  ledger = openLedger(planLoad(random, 120));
  const submit = openClient(() => service.url, random);
  await driveLoad(ledger, submit, { concurrency: 8, rate: 1000, gate: async () => undefined });
  await waitFor('all has ended', async () => (await brokenInvariants(query, 'settled')).length === 0);
});
afterAll(() => service.stop());

describe('the audit', () => {
  it('finds nothing in what is in order', async () => {
    expect(new Set(ledger.map(({ kind }) => kind))).toEqual(
      new Set(['document', 'version', 'batch', 'answer', 'delete']),
    );
    expect(await audit()).toEqual({ lost: [], doubled: [], phantom: [], stuck: [], reruns: 0 });
  });

  it.each(damages)('calls it %s when %s', async (verdict, _what, damage) => {
    await query('begin');
    try {
      await query(damage);
      expect((await audit())[verdict]).not.toEqual([]);
    } finally {
      await query('rollback');
    }
  });
});
