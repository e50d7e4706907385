import type { AnswerRow } from './answers.ts';
import type { Db } from './connect.ts';
import { prepared } from './prepared.ts';

export interface NewAnswer {
  /** The same id again is the same question again. */
  id: string;
  question: string;
  request: Record<string, unknown>;
  apiKeyId: string | null;
  requestId: string;
  traceparent: string | null;
  deadlineMs: number;
  keepHours: number;
  /** 1 (first) to 10; 5 when left out. */
  priority?: number;
  previousAnswerId?: string | null;
}

const insertStatement = `insert into answers
    (id, question, request, api_key_id, request_id, traceparent, priority, previous_answer_id, deadline_at, expires_at)
  select id, question, request, api_key_id, request_id, traceparent, priority, previous_answer_id,
         now() + deadline_ms * interval '1 millisecond', now() + keep_hours * interval '1 hour'
    from json_to_recordset(:answers::json) as given(
      id uuid, question text, request jsonb, api_key_id uuid, request_id text, traceparent text, priority smallint,
      previous_answer_id uuid, deadline_ms float8, keep_hours float8)
  on conflict (id) do nothing returning id, deadline_at, created_at, expires_at`;

/** Takes these questions, all of them or none, in one statement; in the same order, as they are stored then. */
export async function insertAnswers(db: Db, answers: readonly NewAnswer[]): Promise<AnswerRow[]> {
  // Written out rather than built, and what is known not read back: it runs with every question.
  const { rows } = await prepared(db, insertStatement, {
    answers: JSON.stringify(answers.map(toColumns)),
  });
  const inserted = new Map<string, InsertedTimes>(rows.map((row: InsertedTimes) => [row.id, row]));
  const earlier = inserted.size === answers.length ? [] : await readBefore(db, answers, inserted);
  return answers.map((answer) => {
    const times = inserted.get(answer.id);
    return times ? newRow(answer, times) : (earlier.find(({ id }) => id === answer.id) as AnswerRow);
  });
}

type InsertedTimes = Pick<AnswerRow, 'id' | 'deadline_at' | 'created_at' | 'expires_at'>;

/** Those that were there already. */
function readBefore(
  db: Db,
  answers: readonly NewAnswer[],
  inserted: ReadonlyMap<string, unknown>,
): Promise<AnswerRow[]> {
  const ids = answers.flatMap(({ id }) => (inserted.has(id) ? [] : [id]));
  return db('answers').whereIn('id', ids);
}

function toColumns(answer: NewAnswer) {
  return {
    ...{ id: answer.id, question: answer.question, request: answer.request },
    ...{ api_key_id: answer.apiKeyId, request_id: answer.requestId, traceparent: answer.traceparent },
    ...{ priority: answer.priority ?? 5, previous_answer_id: answer.previousAnswerId ?? null },
    ...{ deadline_ms: answer.deadlineMs, keep_hours: answer.keepHours },
  };
}

function newRow(answer: NewAnswer, times: InsertedTimes): AnswerRow {
  const { id, question, request, apiKeyId, requestId, priority = 5, previousAnswerId = null } = answer;
  return {
    ...{ id, status: 'queued', question, request, result: null, error: null },
    ...{ request_id: requestId, api_key_id: apiKeyId, attempts: 0, priority, event_seq: 0 },
    ...{ previous_answer_id: previousAnswerId, started_at: null, completed_at: null },
    ...{ deadline_at: times.deadline_at, created_at: times.created_at, expires_at: times.expires_at },
  };
}
