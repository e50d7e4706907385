import type { Knex } from 'knex';

/**
 * `context`: what a chunk that begins amid a table or a list was torn from; it is indexed and embedded with it. `gap`: the
 * white space between the chunk before and this one, so that neighbours can be joined without their version's whole text.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw('alter table chunks add column context text, add column gap text');
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('alter table chunks drop column context, drop column gap');
}
