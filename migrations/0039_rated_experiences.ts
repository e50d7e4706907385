import type { Knex } from 'knex';

/** How much a caller has rated in a day is counted with every rating: without reading the whole buffer for it. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(
    `create index experiences_rated on experiences (source, created_at) where source <> 'answer'`,
  );
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop index experiences_rated');
}
