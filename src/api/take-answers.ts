import { type AnswerRow, insertAnswer } from '../db/answers.ts';
import type { Db } from '../db/connect.ts';
import { insertAnswers, type NewAnswer } from '../db/insert-answers.ts';
import { grouped, type Outcome } from '../grouped.ts';
import type { ApiContext } from './app.ts';

export interface Taken {
  row: AnswerRow;
  /** Settles when its worker has been nudged, or that was put off. */
  nudged: Promise<unknown>;
}

/** Stores a question and nudges its worker. */
export type TakeAnswer = (answer: NewAnswer) => Promise<Taken>;

/**
 * With one group at a time a single caller's slow commit would be everybody's; how many more there are makes no difference that
 * could be measured. A hundred milliseconds are ten times what a commit takes on a slow disk.
 */
const grouping = { atOnce: 3, most: 100, patienceMs: 100 };

/** Questions that come in the same moment share one statement, one commit and one message to the queue. */
export function takeAnswers({ db, queues }: Pick<ApiContext, 'db' | 'queues'>): TakeAnswer {
  return grouped(grouping, async (answers: readonly NewAnswer[]) => {
    const stored = await store(db, answers);
    const rows = stored.flatMap((outcome) => ('value' in outcome ? [outcome.value] : []));
    // The rows are committed: the next group need not wait for the queue's store.
    const nudged = queues.enqueue(
      'answerQuestion',
      rows.map(({ id }) => ({ answerId: id })),
      { priority: rows.map(({ priority }) => priority) },
    );
    return stored.map((outcome) =>
      'value' in outcome ? { value: { row: outcome.value, nudged } } : outcome,
    );
  });
}

/** Classes of SQLSTATE that say what is wrong with a row: its data, what it would violate, what a trigger or a limit says. */
const ofARow = /^(?:2[1-3]|54|P0)/;

/** A row that can't be stored fails alone. */
async function store(db: Db, answers: readonly NewAnswer[]): Promise<Outcome<AnswerRow>[]> {
  try {
    return (await insertAnswers(db, answers)).map((value) => ({ value }));
  } catch (error) {
    if (answers.length === 1 || !ofARow.test((error as { code?: string }).code ?? '')) throw error;
  }
  const alone = answers.map((answer) => insertAnswer(db, answer));
  return (await Promise.allSettled(alone)).map((settled) =>
    settled.status === 'fulfilled' ? { value: settled.value } : { error: settled.reason },
  );
}
