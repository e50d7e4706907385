import type { Db } from './connect.ts';

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

/** One feedback a caller and answer, replaceable. */
export async function saveFeedback(db: Db, feedback: NewFeedback): Promise<FeedbackRow> {
  const [row] = await db('feedback')
    .insert({
      answer_id: feedback.answerId,
      api_key_id: feedback.apiKeyId,
      rating: feedback.rating,
      reason: feedback.reason,
      citation_n: feedback.citationN,
      comment: feedback.comment,
      updated_at: db.fn.now(),
    })
    .onConflict(['answer_id', 'api_key_id'])
    .merge(['rating', 'reason', 'citation_n', 'comment', 'updated_at'])
    .returning(['answer_id', 'rating', 'reason', 'citation_n', 'comment', 'created_at', 'updated_at']);
  return row;
}
