import type { AnswerResult } from '../answer-result.ts';
import type { AnswerRecord } from './answer-records.ts';
import type { Db } from './connect.ts';
import type { NewExperience } from './experiences.ts';
import { unhurried } from './lease.ts';
import { prepared } from './prepared.ts';
import type { CacheEntry } from './query-cache.ts';

/** An answer to be given again: an entry of the query cache beside those of searches, under the same rules. */
export interface CachedAnswer {
  /** The answer that it was made for. */
  answer_id: string;
  result: AnswerResult;
  /** null: nothing is learned from it. */
  experience: Omit<NewExperience, 'answerId'> | null;
  record: AnswerRecord;
}

const prefix = 'answer:';
/** Longer ones are made anew: few, and they would crowd out many. */
const mostCharacters = 256_000;

export function answerKey(mode: string, hash: string): string {
  return `${prefix}${mode}:${hash}`;
}

const findStatement = `update query_cache q set hits = hits + 1
    from corpus_state s left join embedding_generations g on g.status = 'live' cross join ${unhurried}
   where q.key = :key and q.corpus_version = s.version and q.generation_id is not distinct from g.id
     and q.value #>> '{record,taxonomy_version}' = (select version from taxonomy_versions where in_force)
     and q.created_at > now() - :ttl * interval '1 second' returning q.value`;

/**
 * The entry, where corpus, live embedding generation and the taxonomy version in force are still those that it was made of:
 * one statement that is not older than the question, so a delete or a switch is obeyed by the next one in every process.
 * Counts the hit.
 */
export async function findCachedAnswer(
  db: Db,
  key: string,
  ttlSeconds: number,
): Promise<CachedAnswer | undefined> {
  const { rows } = await prepared(db, findStatement, { key, ttl: ttlSeconds });
  return rows[0]?.value;
}

/** The entry that gives this answer again; none where it is too long. */
export function entryOf(key: string, answer: CachedAnswer): CacheEntry[] {
  if (JSON.stringify(answer).length > mostCharacters) return [];
  const { corpus_version: corpusVersion, generation_id: generationId } = answer.record;
  return [{ key, corpusVersion, generationId, value: answer }];
}

/** What was kept of this answer is not given again. */
export async function dropCachedAnswer(db: Db, answerId: string): Promise<void> {
  await db.raw(`delete from query_cache where key like '${prefix}%' and value->>'answer_id' = ?`, [answerId]);
}

/** Removes answers whose time has passed, and the oldest beyond `most`. Returns how many. */
export async function sweepCachedAnswers(db: Db, ttlSeconds: number, most: number): Promise<number> {
  const { rowCount } = await db.raw(
    `delete from query_cache where key like '${prefix}%' and (created_at < now() - ? * interval '1 second'
       or key in (select key from query_cache where key like '${prefix}%' order by created_at desc offset ?))`,
    [ttlSeconds, most],
  );
  return rowCount ?? 0;
}
