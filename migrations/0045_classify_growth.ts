import type { Knex } from 'knex';

/**
 * What classification knows of the documents that people have placed: how many each node had when what the machine had classified
 * by fewer was last made due ({node: power of two}, and `total`; null where nothing is known of the classifications that there
 * are, so the first look notes and makes nothing due); how many there were at the last look; and the corpus version of that look,
 * null while there is something left to follow.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table classify_state add column seen_placed jsonb, add column looked_placed integer, add column looked_corpus bigint;
    update classify_state set seen_placed = '{}' where not exists (select from classifications);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(
    'alter table classify_state drop column seen_placed, drop column looked_placed, drop column looked_corpus',
  );
}
