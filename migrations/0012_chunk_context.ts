import type { Knex } from 'knex';

/** What a chunk that begins amid a table or a list was torn from: it is indexed and embedded with it. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw('alter table chunks add column context text');
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('alter table chunks drop column context');
}
