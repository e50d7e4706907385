import type { AnswerResult } from '../answer-result.ts';
import { eventBindings, insertEvents, type NewEvent } from './answer-events.ts';
import { insertRecord, type NewRecord, recordBindings } from './answer-records.ts';
import type { Db } from './connect.ts';
import { experienceBindings, insertExperience, type NewExperience } from './experiences.ts';
import { notifyAnswer } from './notify.ts';
import { prepared } from './prepared.ts';

interface CompletedAnswer {
  id: string;
  token: string;
  result: Record<string, unknown>;
  /** null: it has none of its own. */
  record: NewRecord | null;
  /** What is learned from it, and how many are kept in all; null: nothing. */
  experience: { added: NewExperience; capacity: number } | null;
  /** What has not been told yet. */
  told: { events: readonly NewEvent[]; documents: readonly string[] };
  /** Nothing is written unless all of them are there; they are held, in their order, before anything of the answer is. */
  documents: readonly string[];
}

const statementWith = (others: string): string => `
  with there as (
    select id from documents where id = any(:held::uuid[]) and deleted_at is null order by id for share),
  done as (
    update answers set status = 'completed', result = :result, error = null, completed_at = now(), lease_token = null,
           lease_until = null, event_seq = event_seq + :count
     where id = :id and lease_token = :token and status = 'in_progress'
       and (select count(*) from there) = cardinality(:held::uuid[])
     returning id, event_seq - :count as before, attempts),
  told as (${insertEvents('done')}),
  recorded as (${insertRecord('done')})${others}
  select ${notifyAnswer('id', true)} from done`;
const statement = statementWith('');
const statementWithExperience = statementWith(`,\n  ${insertExperience('done')}`);

/**
 * Writes the result of an answer with its record, its experience and its last events, all or nothing. False: its lease is lost, or a document is
 * gone.
 */
export async function writeEnd(db: Db, end: CompletedAnswer): Promise<boolean> {
  const { id, token, result, record, experience, told } = end;
  const events = [...told.events, ...sourceEvents(result), { type: 'completed', data: {} } as const];
  const { rows } = await prepared(db, experience ? statementWithExperience : statement, {
    ...{ id, token, result: JSON.stringify(result), count: events.length },
    ...{ held: [...new Set(end.documents)].sort() },
    ...eventBindings(events, told.documents),
    ...recordBindings(record, result),
    ...(experience && experienceBindings(experience.added, experience.capacity)),
  });
  return rows.length > 0;
}

/** What an event says of a source is its number: the rest stands in the result, from which a delete takes it. */
function sourceEvents(result: Record<string, unknown>): NewEvent[] {
  const { sources = [] } = result as Partial<AnswerResult>;
  return sources
    .filter(({ verified }) => verified)
    .map(({ n }) => ({ type: 'source' as const, data: { n } }));
}
