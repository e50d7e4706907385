import type { Knex } from 'knex';

/** Postgres' code for transactions that wait for each other, of which it has ended this one. */
const deadlock = '40P01';
const mostAttempts = 5;

/** What knex throws of an error that the server reports. */
export interface ServerError {
  code?: string;
  constraint?: string;
}

/**
 * Runs `work` in a transaction, and again, up to five times in all, when it was the one to give way in a deadlock or when
 * `raced` says of its error that somebody else was quicker: then it will find another state.
 */
export async function transactionAgain<T>(
  db: Knex,
  work: (trx: Knex.Transaction) => Promise<T>,
  raced: (error: ServerError) => boolean = () => false,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction(work);
    } catch (error) {
      const again = (error as ServerError).code === deadlock || raced(error as ServerError);
      if (!again || attempt === mostAttempts) throw error;
    }
  }
}
