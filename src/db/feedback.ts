import type { Knex } from 'knex';
import type { NewCase } from '../cases.ts';
import { rateCases } from './cases.ts';

export interface NewFeedback {
  answerId: string;
  apiKeyId: string;
  /** 0 (bad) … 1 (good). */
  rating: number;
  reason: string | null;
  citationN: number | null;
  comment: string | null;
}

export interface FeedbackRow {
  answer_id: string;
  rating: number;
  reason: string | null;
  citation_n: number | null;
  comment: string | null;
  created_at: Date;
  updated_at: Date;
}

/** One feedback a caller and answer, replaceable, with what it says of cases. */
export async function saveFeedback(
  db: Knex,
  feedback: NewFeedback,
  /** The case that a good rating makes of the answer; null: none. */
  fresh: NewCase | null,
): Promise<FeedbackRow> {
  return db.transaction(async (trx) => {
    const [row] = await trx('feedback')
      .insert({
        answer_id: feedback.answerId,
        api_key_id: feedback.apiKeyId,
        rating: feedback.rating,
        reason: feedback.reason,
        citation_n: feedback.citationN,
        comment: feedback.comment,
        updated_at: trx.fn.now(),
      })
      .onConflict(['answer_id', 'api_key_id'])
      .merge(['rating', 'reason', 'citation_n', 'comment', 'updated_at'])
      .returning(['answer_id', 'rating', 'reason', 'citation_n', 'comment', 'created_at', 'updated_at']);
    await rateCases(trx, feedback, fresh);
    return row;
  });
}
