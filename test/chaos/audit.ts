import { acked, type Entry } from './ledger.ts';
import type { Stage } from './stage.ts';

/** What is wrong, one sentence each; and how many deliveries were not the first. */
export interface Audit {
  lost: string[];
  doubled: string[];
  phantom: string[];
  stuck: string[];
  reruns: number;
}

type Query = Stage['query'];

interface DocumentRow {
  id: string;
  external_id: string | null;
  deleted: boolean;
  status: string;
  live: boolean;
  versions: number;
  error: unknown;
}

interface AnswerRow {
  id: string;
  question: string;
  status: string;
  error: unknown;
}

interface ItemRow {
  batch_id: string;
  external_id: string;
}

/** Compares what was accepted with what the database holds. To be read when nothing moves any more. */
export async function auditLedger(query: Query, ledger: readonly Entry[]): Promise<Audit> {
  const documents = await query<DocumentRow>(
    `select d.id, d.external_id, d.deleted_at is not null as deleted, v.status, v.error, d.live_version = d.version as live,
            (select count(*)::int from document_versions o where o.document_id = d.id) as versions
       from documents d join document_versions v on v.document_id = d.id and v.version = d.version`,
  );
  const answers = await query<AnswerRow>('select id, question, status, error from answers');
  const items = await query<ItemRow>('select batch_id, external_id from ingestion_items');
  const [{ reruns } = { reruns: 0 }] = await query<{ reruns: number }>(
    `select ((select coalesce(sum(greatest(attempts - 1, 0)), 0) from document_versions)
           + (select coalesce(sum(greatest(attempts - 1, 0)), 0) from answers))::int as reruns`,
  );
  return {
    lost: [
      ...lostDocuments(ledger, documents),
      ...lostAnswers(ledger, answers),
      ...lostBatches(ledger, items),
    ],
    doubled: [...doubledRows(ledger, documents, answers, items)],
    phantom: [...phantomRows(ledger, documents, answers, items)],
    stuck: [],
    reruns,
  };
}

const asText = (value: unknown) => (value ? ` (${JSON.stringify(value)})` : '');

function lostDocuments(ledger: readonly Entry[], rows: readonly DocumentRow[]): string[] {
  const byName = new Map(rows.map((row) => [row.external_id, row]));
  const deleted = new Set(
    acked(ledger).flatMap(({ kind, externalIds }) => (kind === 'delete' ? externalIds : [])),
  );
  const wanted = new Set(acked(ledger).flatMap(({ externalIds }) => externalIds));
  return [...wanted].flatMap((name) => {
    const row = byName.get(name);
    if (deleted.has(name)) return row ? [`${name} was deleted and is still there`] : [];
    if (!row) return [`${name} was accepted and is not there`];
    if (row.status === 'ready' && row.live) return [];
    return [`${name} is ${row.status}, not ready and live${asText(row.error)}`];
  });
}

function lostAnswers(ledger: readonly Entry[], rows: readonly AnswerRow[]): string[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  return acked(ledger).flatMap(({ kind, key, ack }) => {
    if (kind !== 'answer') return [];
    const row = byId.get(ack?.id as string);
    if (!row) return [`${key} was accepted and is not there`];
    return row.status === 'completed' ? [] : [`${key} is ${row.status}, not completed${asText(row.error)}`];
  });
}

function lostBatches(ledger: readonly Entry[], rows: readonly ItemRow[]): string[] {
  const counted = new Map<string, number>();
  for (const { batch_id } of rows) counted.set(batch_id, (counted.get(batch_id) ?? 0) + 1);
  return acked(ledger).flatMap(({ kind, key, ack, externalIds }) => {
    if (kind !== 'batch') return [];
    const count = counted.get(ack?.id as string) ?? 0;
    return count < externalIds.length ? [`${key} holds ${count} of its ${externalIds.length} items`] : [];
  });
}

/** Rows beyond one for each thing asked for. */
function doubledRows(
  ledger: readonly Entry[],
  documents: readonly DocumentRow[],
  answers: readonly AnswerRow[],
  items: readonly ItemRow[],
): string[] {
  const editions = countBy(ledger.flatMap((entry) => (entry.kind === 'delete' ? [] : entry.externalIds)));
  const versions = documents.flatMap(({ external_id, versions }) => {
    const most = editions.get(external_id ?? '') ?? versions;
    return versions > most ? [`${external_id} has ${versions} versions of ${most} contents`] : [];
  });
  const twice = (what: string, names: readonly string[]) =>
    [...countBy(names)].flatMap(([name, n]) => (n > 1 ? [`${n} ${what} for one key: ${name}`] : []));
  return [
    ...versions,
    ...twice(
      'documents',
      documents.flatMap((row) => row.external_id ?? []),
    ),
    ...twice(
      'answers',
      answers.map((row) => row.question),
    ),
    ...twice(
      'batch items',
      items.map((row) => row.external_id),
    ),
  ];
}

/** Rows of nobody: never asked for, or refused. One whose every try was cut off may be there or not. */
function phantomRows(
  ledger: readonly Entry[],
  documents: readonly DocumentRow[],
  answers: readonly AnswerRow[],
  items: readonly ItemRow[],
): string[] {
  const possible = ledger.filter(({ ack, cutOff, putOff }) => ack || cutOff + putOff > 0);
  const names = new Set(possible.flatMap(({ externalIds }) => externalIds));
  const questions = new Set(possible.map(({ body }) => body?.question));
  return [
    ...documents.flatMap(({ external_id, id }) =>
      external_id !== null && names.has(external_id) ? [] : [`document ${id} (${external_id}): nobody's`],
    ),
    ...answers.flatMap(({ question, id }) => (questions.has(question) ? [] : [`answer ${id}: nobody's`])),
    ...items.flatMap(({ external_id, batch_id }) =>
      names.has(external_id) ? [] : [`item ${external_id} of batch ${batch_id}: nobody's`],
    ),
  ];
}

function countBy(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
