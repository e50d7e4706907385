import type { Db } from './connect.ts';

/** Turns of a conversation that a question is understood with. */
export const mostTurns = 5;

export interface Followed {
  /** The identity that its conversation was begun with; null: the key's. */
  rollout_id: string | null;
}

/** What goes over to a question that follows this answer; undefined where it can't: it must be the key's own, and still there. */
export async function findFollowed(
  db: Db,
  answerId: string,
  apiKeyId: string,
): Promise<Followed | undefined> {
  return db('answers')
    .where({ id: answerId, api_key_id: apiKeyId, deleted_at: null })
    .where('expires_at', '>', db.fn.now())
    .first(db.raw(`request->>'rollout_id' as rollout_id`));
}

/** Questions of the turns before, oldest first. A turn that is gone ends the conversation there. */
export async function readQuestionsBefore(
  db: Db,
  answer: { previous_answer_id: string | null; api_key_id: string | null },
): Promise<string[]> {
  if (answer.previous_answer_id === null) return [];
  const { rows } = await db.raw(
    `with recursive turns as (
       select 1 as n, question, previous_answer_id from answers
        where id = :id and api_key_id is not distinct from :key::uuid and deleted_at is null and expires_at > now()
        union all
       select n + 1, a.question, a.previous_answer_id from turns t join answers a on a.id = t.previous_answer_id
        where n < :most and a.api_key_id is not distinct from :key::uuid and a.deleted_at is null and a.expires_at > now())
     select question from turns order by n desc`,
    { id: answer.previous_answer_id, key: answer.api_key_id, most: mostTurns },
  );
  return rows.map(({ question }: { question: string }) => question);
}
