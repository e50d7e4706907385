import type { Knex } from 'knex';
import { AppError } from '../errors.ts';
import { redirectStrangers } from '../taxonomy/absent.ts';
import { diffOf, isSame } from '../taxonomy/diff.ts';
import { type Bump, bumps, leastBump, nextVersion } from '../taxonomy/semver.ts';
import { pathsOf, type Taxonomy } from '../taxonomy/taxonomy.ts';
import { type Limits, refuseNewProblems } from '../taxonomy/validate.ts';
import { writePath } from '../taxonomy/written-path.ts';
import type { Db } from './connect.ts';
import { versionInForce } from './taxonomy.ts';
import { compareDocuments, countStrangers, type DocumentsAffected } from './taxonomy-counts.ts';
import { draftVersion } from './taxonomy-draft-additions.ts';
import { type Editor, holdTaxonomy, noteChange } from './taxonomy-history.ts';
import { addRedirects, readTaxonomy } from './taxonomy-snapshot.ts';
import { changeCorpus } from './versions.ts';

/** A key whose restriction names a path that the version in force has no more: it sees nothing by it. */
export interface LostRestriction {
  key_id: string;
  name: string;
  permission: string;
}

export interface Receipt {
  version: string;
  /** The version that was in force until now. */
  replaces: string;
  documents: DocumentsAffected;
  restrictions_lost: LostRestriction[];
}

/**
 * Makes the draft the version in force: from this commit on every search, answer and key goes by it. Documents are not written:
 * where they stand follows from the version.
 *
 * @throws AppError `conflict` without a draft or change, or when another version is in force than the draft was begun from;
 * `validation_failed` for a bump that is less than the changes ask for; `precondition_failed`
 */
export async function publishDraft(
  db: Knex,
  editor: Editor,
  { seen, bump, limits }: { seen: number | undefined; bump: Bump | undefined; limits: Limits },
): Promise<Receipt> {
  return db.transaction(async (trx) => {
    await holdTaxonomy(trx, seen);
    const replaces = await versionInForce(trx);
    const { before, after } = await readChanged(trx, replaces);
    refuseNewProblems(before, after, limits, 'draft');
    const published = await trx('taxonomy_versions').whereNotNull('published_at').pluck('version');
    const version = nextVersion(published, greatEnough(bump, leastBump(diffOf(before, after))));
    await trx('taxonomy_versions')
      .where('version', draftVersion)
      .update({
        ...{ version, published_at: trx.fn.now(), created_at: trx.fn.now() },
        ...{ published_by: editor.name, reason: editor.reason },
      });
    return putInForce(trx, { editor, action: 'publish', version, replaces, before, after });
  });
}

/**
 * Puts another published version in force, older or newer. Assignments are found as they were; those to concepts that the
 * version does not know stand at what they were split from, or at the nearest ancestor that it has.
 *
 * @throws AppError `not_found`, `conflict` when it is in force already, `precondition_failed`
 */
export async function rollBack(
  db: Knex,
  editor: Editor,
  { seen, target }: { seen: number | undefined; target: string },
): Promise<Receipt> {
  return db.transaction(async (trx) => {
    await holdTaxonomy(trx, seen);
    const row = await trx('taxonomy_versions')
      .where('version', target)
      .whereNotNull('published_at')
      .first('in_force');
    if (!row) throw new AppError('not_found', `/target_version: there is no published version ${target}.`);
    if (row.in_force) throw new AppError('conflict', `Version ${target} is in force already.`);
    const replaces = await versionInForce(trx);
    const [before, after] = [await readTaxonomy(trx, replaces), await readTaxonomy(trx, target)];
    return putInForce(trx, { editor, action: 'rollback', version: target, replaces, before, after });
  });
}

async function readChanged(trx: Knex.Transaction, inForce: string) {
  const draft = await trx('taxonomy_versions').where('version', draftVersion).first('parent');
  if (!draft) throw new AppError('conflict', 'There is no draft: edit the taxonomy first.');
  if (draft.parent !== inForce)
    throw new AppError(
      'conflict',
      `The draft was begun from version ${draft.parent}, and ${inForce} is in force: discard the draft, or roll back to ${draft.parent} first.`,
    );
  const [before, after] = [await readTaxonomy(trx, inForce), await readTaxonomy(trx, draftVersion)];
  if (isSame(before, after)) throw new AppError('conflict', `The draft is the same as version ${inForce}.`);
  return { before, after };
}

function greatEnough(asked: Bump | undefined, least: Bump): Bump {
  if (asked === undefined) return least;
  if (bumps.indexOf(asked) >= bumps.indexOf(least)) return asked;
  const message = `the changes ask for a ${least} version at least: leave it out, or say ${least}`;
  throw new AppError('validation_failed', `/bump: ${message}.`, { errors: [{ pointer: '/bump', message }] });
}

interface Switch {
  editor: Editor;
  action: 'publish' | 'rollback';
  version: string;
  replaces: string;
  before: Taxonomy;
  after: Taxonomy;
}

async function putInForce(trx: Knex.Transaction, made: Switch): Promise<Receipt> {
  const { editor, action, version, replaces, before, after } = made;
  const strangers = redirectStrangers(after, await findStrangers(trx, version));
  await addRedirects(trx, version, [...strangers]);
  const now = { ...after, redirects: new Map([...after.redirects, ...strangers]) };
  const documents = {
    ...(await compareDocuments(trx, { version: replaces, taxonomy: before }, { version, taxonomy: now })),
    ...(await countStrangers(trx, version)),
  };
  // One after the other: there may never be two.
  await trx('taxonomy_versions').where('in_force', true).update({ in_force: false });
  await trx('taxonomy_versions').where({ version }).update({ in_force: true });
  const receipt = { version, replaces, documents, restrictions_lost: await findLost(trx, before, after) };
  await noteChange(trx, editor, { version, action, details: receipt });
  // What is cached of searches and answers was found under the other version.
  await changeCorpus(trx, { chunks: 0, words: 0 });
  return receipt;
}

/** Concepts that the version says nothing of, as the version in force, else the newest that has them, knows them. */
async function findStrangers(trx: Knex.Transaction, version: string) {
  const { rows } = await trx.raw(
    `select distinct on (n.id) n.id, n.parent_id as "parentId", n.split_from as "splitFrom"
       from taxonomy_nodes n join taxonomy_versions v on v.version = n.version and v.published_at is not null
      where not exists (select from taxonomy_nodes o where o.version = :version and o.id = n.id)
        and not exists (select from taxonomy_redirects r where r.version = :version and r.id = n.id)
      order by n.id, v.in_force desc, v.published_at desc`,
    { version },
  );
  return rows;
}

async function findLost(db: Db, before: Taxonomy, after: Taxonomy): Promise<LostRestriction[]> {
  const keysOf = (taxonomy: Taxonomy) =>
    new Set([...pathsOf(taxonomy).values()].map((path) => `taxonomy:${writePath(path)}`));
  const [had, has] = [keysOf(before), keysOf(after)];
  const { rows } = await db.raw(
    `select id as key_id, name, permission from api_keys cross join unnest(permissions) as permission
      where revoked_at is null and starts_with(permission, 'taxonomy:') order by name, id, permission`,
  );
  return rows.filter(({ permission }: LostRestriction) => had.has(permission) && !has.has(permission));
}
