import type { Knex } from 'knex';

/** Which analyzer made a chunk's words: what an older one made is made anew, so that questions and passages agree. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table chunks add column analyzer smallint not null default 1;
    create index chunks_analyzer on chunks (analyzer, seq) where live;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('alter table chunks drop column analyzer');
}
