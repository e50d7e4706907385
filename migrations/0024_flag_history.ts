import type { Knex } from 'knex';

/**
 * What every flag was set to, by whom and why, one row a change. The version of a stored value goes up by one with each; who read
 * an earlier one is told when it would overwrite a later one. The history stays when the audit log's entries have gone, and has
 * the changes that no request made.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table flag_overrides add column version integer not null default 1;

    create table flag_changes (
      key text not null,
      version integer not null,
      at timestamptz not null,
      by text not null,
      reason text not null,
      -- {enabled, rollout_percent, killed}; null: nothing was stored
      before jsonb,
      after jsonb not null,
      primary key (key, version)
    );

    insert into flag_changes (key, version, at, by, reason, after)
    select key, version, updated_at, updated_by, reason,
           jsonb_build_object('enabled', enabled, 'rollout_percent', rollout_percent, 'killed', killed)
      from flag_overrides;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table flag_changes;
    alter table flag_overrides drop column version;
  `);
}
