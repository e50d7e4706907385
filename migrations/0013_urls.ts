import type { Knex } from 'knex';

/** Documents that a worker fetches: where from, and what the server said, so that the next version asks only for what changed. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table document_versions
      add column fetch_url text,
      -- the end of its redirects
      add column final_url text,
      add column etag text,
      add column last_modified text,
      -- sha256 of the bytes as they came
      add column body_hash text,
      -- null: the bytes are not (all) here; of the live version: when they were last found unchanged
      add column fetched_at timestamptz;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table document_versions
      drop column fetch_url, drop column final_url, drop column etag, drop column last_modified,
      drop column body_hash, drop column fetched_at;
  `);
}
