import type { Knex } from 'knex';
import { isSame } from '../taxonomy/diff.ts';
import type { Taxonomy } from '../taxonomy/taxonomy.ts';
import type { Db } from './connect.ts';
import { versionInForce } from './taxonomy.ts';
import { draftVersion } from './taxonomy-draft-additions.ts';
import { type Editor, holdTaxonomy, noteChange } from './taxonomy-history.ts';
import { readTaxonomy, writeTaxonomy } from './taxonomy-snapshot.ts';

export interface DraftEdit {
  /** What it is called in the history. */
  action: string;
  nodeId?: string | undefined;
  details: unknown;
  /** Gives the taxonomy as it is to be. Pure: the transaction is open meanwhile. */
  change: (draft: Taxonomy) => Taxonomy;
  /** Documents that stand elsewhere than what stands for their concept. */
  allotments?: readonly Allotment[];
}

export interface Allotment {
  documentId: string;
  fromId: string;
  nodeId: string;
}

/**
 * Changes the draft, which is begun from the version in force where there is none. Returns the draft and the number of the
 * change; one that changes nothing is none.
 *
 * @throws AppError `precondition_failed`, and whatever `change` throws
 */
export async function editDraft(
  db: Knex,
  editor: Editor,
  seen: number | undefined,
  edit: DraftEdit,
): Promise<{ draft: Taxonomy; seq: number | undefined }> {
  return db.transaction(async (trx) => {
    await holdTaxonomy(trx, seen);
    const there = await trx('taxonomy_versions').where('version', draftVersion).first('version');
    const base = there ? draftVersion : await versionInForce(trx);
    const before = await readTaxonomy(trx, base);
    const draft = edit.change(before);
    if (isSame(before, draft)) return { draft, seq: undefined };
    const allotted = await findAllotted(trx, base, edit.allotments ?? []);
    if (!there) await beginDraft(trx, base);
    await writeTaxonomy(trx, draftVersion, before, draft);
    await allot(trx, allotted);
    const { action, nodeId, details } = edit;
    const seq = await noteChange(trx, editor, { version: draftVersion, action, nodeId, details });
    return { draft, seq };
  });
}

async function beginDraft(trx: Knex.Transaction, parent: string): Promise<void> {
  await trx('taxonomy_versions').insert({ version: draftVersion, parent, published_at: null });
  for (const [table, columns] of Object.entries({
    taxonomy_nodes: 'id, parent_id, label, description, split_from, path',
    taxonomy_parents: 'id, parent_id',
    taxonomy_redirects: 'id, node_id, kind',
    taxonomy_allotments: 'document_id, from_id, node_id',
  }))
    await trx.raw(
      `insert into ${table} (version, ${columns}) select ?, ${columns} from ${table} where version = ?`,
      [draftVersion, parent],
    );
}

interface AllotmentRow {
  document_id: string;
  from_id: string;
  node_id: string;
}

/** By whichever of their concepts the documents stand at the node before it is split; those that do not are left out. */
async function findAllotted(
  trx: Knex.Transaction,
  version: string,
  allotments: readonly Allotment[],
): Promise<AllotmentRow[]> {
  if (allotments.length === 0) return [];
  const { rows } = await trx.raw(
    `select distinct on (p.document_id, p.assigned_id) p.document_id, p.assigned_id as from_id, w.node_id
       from unnest(:documents::uuid[], :from::uuid[], :nodes::uuid[]) as w(document_id, from_id, node_id)
       join document_places p on p.version = :version and p.document_id = w.document_id and p.node_id = w.from_id`,
    {
      version,
      documents: allotments.map(({ documentId }) => documentId),
      from: allotments.map(({ fromId }) => fromId),
      nodes: allotments.map(({ nodeId }) => nodeId),
    },
  );
  return rows;
}

async function allot(trx: Knex.Transaction, rows: readonly AllotmentRow[]): Promise<void> {
  if (rows.length === 0) return;
  await trx.raw(
    `insert into taxonomy_allotments (version, document_id, from_id, node_id)
     select :draft, * from unnest(:documents::uuid[], :from::uuid[], :nodes::uuid[])
     on conflict (version, document_id, from_id) do update set node_id = excluded.node_id`,
    {
      draft: draftVersion,
      documents: rows.map(({ document_id }) => document_id),
      from: rows.map(({ from_id }) => from_id),
      nodes: rows.map(({ node_id }) => node_id),
    },
  );
}

/** False: there is no draft. */
export async function discardDraft(db: Knex, editor: Editor, seen: number | undefined): Promise<boolean> {
  return db.transaction(async (trx) => {
    await holdTaxonomy(trx, seen);
    const gone = await trx('taxonomy_versions').where('version', draftVersion).delete();
    if (gone > 0) await noteChange(trx, editor, { version: null, action: 'discard', details: {} });
    return gone > 0;
  });
}

/** The draft as it is; where there is none, the version in force, of which the next edit would begin one. */
export async function readDraft(db: Db): Promise<{ version: string; taxonomy: Taxonomy }> {
  const there = await db('taxonomy_versions').where('version', draftVersion).first('version');
  const version = there ? draftVersion : await versionInForce(db);
  return { version, taxonomy: await readTaxonomy(db, version) };
}
