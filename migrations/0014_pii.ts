import type { Knex } from 'knex';

/**
 * What becomes of personal data in a version, and what was found. Versions from before were not looked at: `off`; a version
 * whose writer says nothing is masked.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table document_versions
      add column pii_policy text not null default 'off' check (pii_policy in ('off', 'mask', 'reject')),
      -- {policy, found: {kind: count}} from the moment that it was looked for; until then text is what was sent
      add column pii jsonb;
    alter table document_versions alter column pii_policy set default 'mask';
    -- versions that ended without going live and may still hold what was sent
    create index document_versions_originals on document_versions (updated_at)
      where pii_policy <> 'off' and status in ('failed', 'cancelled');
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop index document_versions_originals;
    alter table document_versions drop column pii_policy, drop column pii;
  `);
}
