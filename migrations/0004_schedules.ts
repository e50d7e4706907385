import type { Knex } from 'knex';

/**
 * When scheduled work is due next. Kept here rather than in the queues' store: after a store lost everything it is the
 * scheduled requeueLost that brings the work back.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table schedules (
      job text primary key,
      next_at timestamptz not null default now()
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table schedules;');
}
