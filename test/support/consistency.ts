import { expect } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { type Database, openDatabase } from '../../src/db/connect.ts';

/**
 * The rows of a service at rest, after whatever happened to it: `documents` of them, each in its first version and ready,
 * everything that follows from them there exactly once, and nothing under way.
 */
export async function expectConsistent({ db }: Pick<Database, 'db'>, documents: number): Promise<void> {
  const one = async (sql: string) => (await db.raw(sql)).rows[0];
  const none = async (what: string, sql: string) =>
    expect([what, (await db.raw(sql)).rows]).toEqual([what, []]);

  expect(
    await one('select count(*)::int as n, count(distinct external_id)::int as names from documents'),
  ).toEqual({ n: documents, names: documents });
  for (const [what, sql] of Object.entries(mustBeEmpty)) await none(what, sql);
  expect(await one('select live_chunks::int as chunks, live_words::int as words from corpus_state')).toEqual(
    await one('select count(*)::int as chunks, sum(word_count)::int as words from chunks where live'),
  );
}

const words = `select w.word, c.seq, w.frequency, c.word_count
  from chunks c cross join lateral unnest(c.words, c.frequencies) as w(word, frequency) where c.live`;
const postings = 'select word, chunk_seq, frequency, word_count from postings';

const mustBeEmpty = {
  'unfinished versions': `select * from document_versions where status <> 'ready' or version <> 1`,
  'held leases': 'select * from document_versions where lease_token is not null',
  'versions without exactly their chunks': `
    select v.document_id from document_versions v left join chunks c using (document_id, version)
     group by v.document_id, v.version, v.chunk_count
    having count(c.seq) <> v.chunk_count or count(distinct c.n) <> v.chunk_count
        or count(*) filter (where c.live) <> v.chunk_count`,
  'chunks without exactly one vector': `
    select c.seq from chunks c left join chunk_vectors x on x.chunk_seq = c.seq group by c.seq having count(x.chunk_seq) <> 1`,
  'chunks that are not slices of their text': `
    select c.seq from chunks c join document_versions v using (document_id, version)
     where substr(v.text, c.start_char + 1, c.end_char - c.start_char) <> c.text`,
  'words without posting': `${words} except ${postings}`,
  'postings without word': `${postings} except (${words})`,
  'unfinished answers': `select id from answers where status in ('queued', 'in_progress')`,
  'experiences of replays, or of answers that were not completed': `
    select e.id from experiences e join answers a on a.id = e.answer_id
     where a.status <> 'completed' or a.request->'replay' is not null`,
  'completed answers without a record': `
    select a.id from answers a left join answer_records r on r.answer_id = a.id
     where a.status = 'completed' and r.answer_id is null and a.request#>>'{replay,mode}' is distinct from 'recorded'`,
};

/** The same, of a service whose processes have ended. */
export async function expectConsistentStores(
  environment: Record<string, string>,
  documents: number,
): Promise<void> {
  const database = await openDatabase(readConfig(environment), (error) => {
    throw error;
  });
  try {
    await expectConsistent(database, documents);
  } finally {
    await database.close();
  }
}
