import type { Knex } from 'knex';

/** The id that what a key creates will have: chosen with the key's first request, so that a second try finds the first's row. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`alter table idempotency_keys add column work_id uuid not null default gen_random_uuid();`);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('alter table idempotency_keys drop column work_id;');
}
