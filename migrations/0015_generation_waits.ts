import type { Knex } from 'knex';

/** Until when the provider of a generation's model wants to be left alone: only its building waits, not the documents. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw('alter table embedding_generations add column wait_until timestamptz');
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('alter table embedding_generations drop column wait_until');
}
