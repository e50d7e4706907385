import type { Knex } from 'knex';
import { assign } from './assignments.ts';
import type { Db } from './connect.ts';
import { type Page, positionColumn, readCursor, toPage } from './page.ts';
import { versionInForceSql } from './taxonomy-places.ts';

export const suggestionKinds = ['split', 'merge', 'missing'] as const;
export type SuggestionKind = (typeof suggestionKinds)[number];
export const suggestionStatuses = ['open', 'accepted', 'rejected', 'outdated'] as const;

export interface NewSuggestion {
  kind: SuggestionKind;
  nodeIds: string[];
  about: string;
  evidence: Record<string, unknown> & { documents: number };
  documents: { id: string; part: number }[];
}

export interface SuggestionRow {
  id: string;
  kind: SuggestionKind;
  node_ids: string[];
  evidence: Record<string, unknown>;
  status: (typeof suggestionStatuses)[number];
  decided_at: Date | null;
  decided_by: string | null;
  reason: string | null;
  created_at: Date;
  updated_at: Date;
}

const columns =
  's.id, s.kind, s.node_ids, s.evidence, s.status, s.decided_at, s.decided_by, s.reason, s.created_at, s.updated_at';
/** The number only has to be ours. */
const suggestionLock = 4_207_033;
/** What was rejected is suggested again once it is about so many times as many documents. */
const growth = 1.5;

/** The database's time, before the data are looked at. */
export async function readClock(db: Db): Promise<Date> {
  const { rows } = await db.raw('select now() as at');
  return rows[0].at;
}

/** One at a time writes suggestions or decides one: what is decided while a look is written would be open again beside it. */
async function holdSuggestions(trx: Knex.Transaction): Promise<void> {
  await trx.raw('select pg_advisory_xact_lock(?)', [suggestionLock]);
}

/**
 * Writes what was found down: open ones anew, those found no more or decided meanwhile `outdated`, but for those that somebody
 * has found since `since`. Returns how many are new.
 */
export async function replaceSuggestions(
  db: Knex,
  found: readonly NewSuggestion[],
  since: Date,
): Promise<{ fresh: number; outdated: number }> {
  return db.transaction(async (trx) => {
    await holdSuggestions(trx);
    const open: Written[] = [];
    for (const one of found) {
      const written = await writeSuggestion(trx, one, since);
      if (written) open.push(written);
    }
    const { rowCount } = await trx.raw(
      `update taxonomy_suggestions set status = 'outdated', updated_at = now()
        where status = 'open' and updated_at < ? and not (about = any(?::text[]))`,
      [since, open.map(({ about }) => about)],
    );
    return { fresh: open.filter(({ fresh }) => fresh).length, outdated: rowCount ?? 0 };
  });
}

interface Written {
  about: string;
  fresh: boolean;
}

/**
 * What was accepted and is not in force yet, or was not when the data were looked at, is not suggested a second time.
 * Undefined: there is nothing to suggest.
 */
async function writeSuggestion(
  trx: Knex.Transaction,
  one: NewSuggestion,
  since: Date,
): Promise<Written | undefined> {
  const { kind, nodeIds, evidence, documents } = one;
  const about = (await findSame(trx, one)) ?? one.about;
  const { rows } = await trx.raw(
    `insert into taxonomy_suggestions as s (kind, node_ids, about, evidence)
     select :kind, :nodeIds::uuid[], :about, :evidence::jsonb
      where not exists (select from taxonomy_suggestions o where o.about = :about and o.status = 'rejected'
              and (o.evidence->>'documents')::float8 * ${growth} > :documents)
        and not exists (select from taxonomy_suggestions o where o.about = :about and o.status = 'accepted'
              and o.decided_at > least(:since, (select v.published_at from taxonomy_versions v
                                                 where v.version = ${versionInForceSql})))
     on conflict (about) where status = 'open' do update set evidence = excluded.evidence, updated_at = now()
     returning id, xmax = 0 as fresh`,
    { kind, nodeIds, about, evidence: JSON.stringify(evidence), documents: evidence.documents, since },
  );
  if (!rows[0]) return undefined;
  await trx('taxonomy_suggestion_documents').where({ suggestion_id: rows[0].id }).delete();
  await trx.raw(
    `insert into taxonomy_suggestion_documents (suggestion_id, document_id, part)
     select :id, w.id, w.part from unnest(:ids::uuid[], :parts::int[]) as w(id, part)
       join documents d on d.id = w.id and d.deleted_at is null`,
    { id: rows[0].id, ids: documents.map(({ id }) => id), parts: documents.map(({ part }) => part) },
  );
  return { about, fresh: rows[0].fresh };
}

/**
 * What a suggestion was about that holds more than half of its documents here: the words that tell a subject change with every
 * document that comes, and it is the same subject still.
 */
async function findSame(
  trx: Knex.Transaction,
  { kind, documents }: NewSuggestion,
): Promise<string | undefined> {
  if (kind !== 'missing') return undefined;
  const { rows } = await trx.raw(
    `select s.about from taxonomy_suggestions s join taxonomy_suggestion_documents d on d.suggestion_id = s.id
      where s.kind = 'missing' and s.status <> 'outdated' group by s.id
     having 2 * count(*) filter (where d.document_id = any(:ids::uuid[])) > count(*)
      order by count(*) filter (where d.document_id = any(:ids::uuid[])) desc, s.id limit 1`,
    { ids: documents.map(({ id }) => id) },
  );
  return rows[0]?.about;
}

export async function listSuggestions(
  db: Db,
  query: { limit: number; cursor?: string | undefined; status?: string | undefined },
): Promise<Page<SuggestionRow>> {
  const after = readCursor(query.cursor);
  const { rows } = await db.raw(
    `select ${columns}, ${positionColumn('s.created_at')} from taxonomy_suggestions s
      where (:status::text is null or s.status = :status)
        and (:at::timestamptz is null or (s.created_at, s.id) < (:at::timestamptz, :id::uuid))
      order by s.created_at desc, s.id desc limit :limit`,
    { status: query.status ?? null, at: after?.at ?? null, id: after?.id ?? null, limit: query.limit + 1 },
  );
  return toPage<SuggestionRow>(rows, query.limit) as Page<SuggestionRow>;
}

export async function findSuggestion(db: Db, id: string): Promise<SuggestionRow | undefined> {
  const { rows } = await db.raw(`select ${columns} from taxonomy_suggestions s where s.id = ?`, [id]);
  return rows[0];
}

/** Titles of documents, or how they begin, and questions of answers, that a suggestion names and that are still there. */
export async function readExamples(
  db: Db,
  documents: readonly string[],
  answers: readonly string[],
): Promise<{ titles: Map<string, string>; questions: Map<string, string> }> {
  const { rows: titled } = await db.raw(
    `select d.id, coalesce(d.title, left(c.text, 80)) as text from documents d
       left join chunks c on c.document_id = d.id and c.live and c.n = 0
      where d.id = any(?::uuid[]) and d.deleted_at is null`,
    [[...documents]],
  );
  const asked = await db('answers')
    .whereIn('id', [...answers])
    .whereNull('deleted_at')
    .select('id', 'question as text');
  const toMap = (rows: { id: string; text: string | null }[]) =>
    new Map(rows.map(({ id, text }) => [id, text ?? '']));
  return { titles: toMap(titled), questions: toMap(asked) };
}

/** Documents that the suggestion would put elsewhere, by part. */
export async function documentsOf(db: Db, id: string): Promise<{ id: string; part: number }[]> {
  return db('taxonomy_suggestion_documents as s')
    .join('documents as d', 'd.id', 's.document_id')
    .whereNull('d.deleted_at')
    .where('s.suggestion_id', id)
    .orderBy('d.id')
    .select('d.id', 's.part');
}

/** Decides an open one. False: somebody has, or it is outdated. */
export async function decideSuggestion(
  trx: Knex.Transaction,
  id: string,
  decision: { status: 'accepted' | 'rejected'; by: string; reason: string; nodeIds?: string[] },
): Promise<boolean> {
  await holdSuggestions(trx);
  const decided = await trx('taxonomy_suggestions')
    .where({ id, status: 'open' })
    .update({
      ...{ status: decision.status, decided_by: decision.by, reason: decision.reason },
      ...(decision.nodeIds && { node_ids: decision.nodeIds }),
      ...{ decided_at: trx.fn.now(), updated_at: trx.fn.now() },
    });
  return decided > 0;
}

/**
 * Puts documents at nodes that were suggested for them and are in force now: a person has said so by accepting and publishing.
 * Done once; returns how many documents.
 */
export async function fillNewNodes(db: Knex): Promise<number> {
  return db.transaction(async (trx) => {
    const { rows } = await trx.raw(
      `select s.id, s.node_ids[1] as node_id, d.document_id from taxonomy_suggestions s
         join taxonomy_suggestion_documents d on d.suggestion_id = s.id
        where s.kind = 'missing' and s.status = 'accepted'
          and exists (select from taxonomy_nodes n where n.id = s.node_ids[1] and n.version = ${versionInForceSql})
        order by d.document_id for update of d`,
    );
    const put = await assign(
      trx,
      rows.map((row: { node_id: string; document_id: string }) => ({
        ...{ documentId: row.document_id, nodeId: row.node_id },
        ...{ source: 'review' as const, confidence: 1 },
      })),
    );
    for (const { id, document_id } of rows)
      await trx('taxonomy_suggestion_documents').where({ suggestion_id: id, document_id }).delete();
    return put;
  });
}
