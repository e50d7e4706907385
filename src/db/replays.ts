import type { Access, Principal } from '../access.ts';
import { findRecord, type RecordRow } from './answer-records.ts';
import { isSeen } from './answer-sources.ts';
import { type AnswerRow, findAnswer } from './answers.ts';
import type { Db } from './connect.ts';

/** A completed answer as it may be shown now, and what it was made of. */
export interface Recorded {
  answer: AnswerRow;
  record: RecordRow;
}

/** As this reader may be shown it: passages of documents that are there but not for this reader are none of it. */
export async function findRecorded(db: Db, id: string, reader: Principal): Promise<Recorded | undefined> {
  const answer = await findAnswer(db, id, reader);
  const record = answer && (await findRecord(db, id));
  if (!answer || !record) return undefined;
  return { answer, record: await seenBy(db, record, reader.access) };
}

async function seenBy(db: Db, record: RecordRow, access: Access | undefined): Promise<RecordRow> {
  if (!access) return record;
  const seen = new Set<string>();
  for (const id of record.document_ids) if (await isSeen(db, id, access)) seen.add(id);
  const passages = record.passages.filter(({ document_id, deleted }) => deleted || seen.has(document_id));
  return { ...record, passages };
}

export async function readCorpusVersion(db: Db): Promise<number> {
  return (await db('corpus_state').first('version')).version;
}
