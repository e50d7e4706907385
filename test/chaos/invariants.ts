import type { Audit } from './audit.ts';
import type { Stage } from './stage.ts';

interface Invariant {
  broken: keyof Pick<Audit, 'lost' | 'doubled' | 'phantom' | 'stuck'>;
  says: string;
  /** Rows that break it. */
  sql: string;
  /** The product restores it by itself when it is given time: what a run waits for. */
  settles?: true;
}

const words = `select w.word, c.seq, w.frequency, c.word_count from chunks c
  cross join lateral unnest(c.words, c.frequencies) as w(word, frequency) where c.live`;
const postings = 'select word, chunk_seq, frequency, word_count from postings';

/** What holds of the rows whatever was asked, once nothing moves. */
const invariants: Invariant[] = [
  {
    broken: 'lost',
    says: 'a live version lacks chunks',
    sql: `select v.document_id from document_versions v join documents d on d.id = v.document_id and d.live_version = v.version
            left join chunks c on c.document_id = v.document_id and c.version = v.version and c.live
           group by v.document_id, v.version, v.chunk_count having count(c.seq) < v.chunk_count or v.chunk_count = 0`,
  },
  {
    broken: 'lost',
    says: 'a live chunk has no vector of a generation that is used or can be',
    sql: `select c.seq, g.model from chunks c cross join embedding_generations g
            left join chunk_vectors x on x.chunk_seq = c.seq and x.model = g.model
           where c.live and g.status in ('ready', 'live', 'standby') and x.chunk_seq is null`,
    settles: true,
  },
  {
    broken: 'lost',
    says: 'no generation is live',
    sql: `select 1 as none where not exists (select from embedding_generations where status = 'live')`,
  },
  { broken: 'lost', says: 'a word of a live chunk has no posting', sql: `${words} except all ${postings}` },
  {
    broken: 'doubled',
    says: 'a version has more chunks than it was split into',
    sql: `select v.document_id from document_versions v join chunks c using (document_id, version)
           group by v.document_id, v.version, v.chunk_count having count(*) > v.chunk_count or count(*) > count(distinct c.n)`,
  },
  {
    broken: 'doubled',
    says: 'a chunk has two vectors of one model',
    sql: 'select chunk_seq from chunk_vectors group by chunk_seq, model having count(*) > 1',
  },
  {
    broken: 'doubled',
    says: 'a document is found by two versions',
    sql: 'select document_id from chunks where live group by document_id having count(distinct version) > 1',
  },
  {
    broken: 'doubled',
    says: 'a posting stands for no word of a live chunk',
    sql: `${postings} except all (${words})`,
  },
  {
    broken: 'doubled',
    says: 'the sums of the corpus are not the sums of its chunks',
    sql: `select live_chunks, live_words from corpus_state
          except select count(*), coalesce(sum(word_count), 0)::bigint from chunks where live`,
  },
  {
    broken: 'doubled',
    says: 'an answer has two experiences of its own',
    sql: `select answer_id from experiences where source = 'answer' group by answer_id having count(*) > 1`,
  },
  {
    broken: 'doubled',
    says: 'a version of the policy learned less than what is marked as learned with it',
    sql: `select v.number from policy_versions v join experiences e on e.learned_version = v.number
           where v.made_by = 'batch' group by v.number, v.experiences having count(*) > v.experiences`,
  },
  {
    broken: 'phantom',
    says: 'an experience belongs to no completed answer',
    sql: `select e.id from experiences e left join answers a on a.id = e.answer_id and a.status = 'completed' where a.id is null`,
  },
  {
    broken: 'phantom',
    says: 'a chunk belongs to a version that is not the live one',
    sql: `select c.seq from chunks c join documents d on d.id = c.document_id
           where d.live_version is distinct from c.version or not c.live`,
  },
  {
    broken: 'phantom',
    says: 'a vector is of no generation, or of another length than its generation',
    sql: `select x.chunk_seq, x.model from chunk_vectors x
            left join embedding_generations g on g.model = x.model and g.status <> 'reclaimed'
           where g.dimensions is distinct from vector_dims(x.embedding)`,
  },
  {
    broken: 'stuck',
    says: 'work on a generation has not ended',
    sql: `select id, status from embedding_generations where status in ('building', 'comparing', 'reclaiming')`,
  },
  {
    broken: 'stuck',
    says: 'a version, an answer or an operation has not ended',
    sql: `select document_id::text from document_versions where status in ('queued', 'parsing', 'embedding')
          union all select id::text from answers where status in ('queued', 'in_progress')
          union all select id::text from operations where status in ('queued', 'in_progress')`,
  },
  {
    broken: 'stuck',
    says: 'a lease is held by nobody',
    sql: `select document_id::text from document_versions where lease_token is not null
          union all select id::text from answers where lease_token is not null
          union all select id::text from operations where lease_token is not null`,
  },
  {
    broken: 'stuck',
    says: 'a batch was planned and not learned',
    sql: 'select id from experiences where batch is not null and learned_at is null',
  },
];

interface Broken extends Pick<Invariant, 'broken' | 'says'> {
  row: object;
}

/** One entry a row that breaks one of them. */
export async function brokenInvariants(query: Stage['query'], which: 'all' | 'settled'): Promise<Broken[]> {
  const found: Broken[] = [];
  for (const invariant of invariants) {
    const { sql, broken, says, settles } = invariant;
    if (which === 'settled' && broken !== 'stuck' && !settles) continue;
    const rows = await query<object>(sql);
    found.push(...rows.map((row) => ({ broken, says, row })));
  }
  return found;
}

export async function checkInvariants(query: Stage['query'], audit: Audit): Promise<void> {
  for (const { broken, says, row } of await brokenInvariants(query, 'all'))
    audit[broken].push(`${says}: ${JSON.stringify(row)}`);
}
