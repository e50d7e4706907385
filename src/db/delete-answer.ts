import type { Knex } from 'knex';
import type { Principal } from '../access.ts';
import { answerResult } from '../answer-result.ts';
import { ownedBy } from './access-conditions.ts';
import { dropCachedAnswer } from './answer-cache.ts';
import { endAnswer } from './answers.ts';
import { dropCaseOf } from './cases.ts';
import { notifyAnswer } from './notify.ts';
import { forgetArguments } from './tool-calls.ts';

/** What a kept reply shows of an answer that was deleted. */
const emptied = { question: '', error: null, is_terminal: true, poll_after_ms: null, status: 'cancelled' };

/**
 * Deletes an answer for good: cancelled first when it has not ended. Nothing of question and answer is left, in no event, no
 * record, no cache and no reply that is kept for its key; the empty row stays for its time, so that a late repetition does not bring it back. What
 * was learned from it holds nothing of either. Returns false when there is none that it may delete; doing it again changes nothing.
 */
export async function deleteAnswer(db: Knex, id: string, principal: Principal): Promise<boolean> {
  const own = ownedBy(principal, 'api_key_id');
  return db.transaction(async (trx) => {
    const row = await trx('answers')
      .where({ id })
      .where('expires_at', '>', trx.fn.now())
      .whereRaw(own.sql, own.bindings)
      .forUpdate()
      .first('deleted_at');
    if (!row) return false;
    if (row.deleted_at) return true;
    await endAnswer(trx, id, 'cancelled', null);
    await trx('answer_events').where({ answer_id: id }).delete();
    await trx('feedback').where({ answer_id: id }).delete();
    await trx('answer_records').where({ answer_id: id }).delete();
    await forgetArguments(trx, id);
    await dropCachedAnswer(trx, id);
    await dropCaseOf(trx, id);
    await trx.raw(
      `update idempotency_keys set response = jsonb_set(response, '{body}', (response->'body') - ?::text[] || ?::jsonb)
        where response->'body'->>'id' = ?`,
      [Object.keys(answerResult.shape), JSON.stringify(emptied), id],
    );
    await trx.raw(
      `with gone as (
         update answers set question = '', request = '{}', result = null, error = null, request_id = null, traceparent = null,
                previous_answer_id = null, deleted_at = now()
          where id = ? returning id)
       select ${notifyAnswer('id', true)} from gone`,
      [id],
    );
    return true;
  });
}
