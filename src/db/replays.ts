import { findRecord, type RecordRow } from './answer-records.ts';
import { type AnswerRow, findAnswer } from './answers.ts';
import type { Db } from './connect.ts';

/** A completed answer as it may be shown now, and what it was made of. */
export interface Recorded {
  answer: AnswerRow;
  record: RecordRow;
}

export async function findRecorded(db: Db, id: string): Promise<Recorded | undefined> {
  const answer = await findAnswer(db, id);
  const record = answer && (await findRecord(db, id));
  return answer && record && { answer, record };
}

export async function readCorpusVersion(db: Db): Promise<number> {
  return (await db('corpus_state').first('version')).version;
}
