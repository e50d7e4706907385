import { isDeepStrictEqual } from 'node:util';
import type { Audit } from '../audit.ts';
import { checkInvariants } from '../invariants.ts';
import type { Stage } from '../stage.ts';
import { contested, type Model } from './model.ts';

interface Row {
  id: string;
  external_id: string;
  version: number;
  live_version: number | null;
  status: string;
  text: string | null;
  metadata: unknown;
  versions: number;
  chunks: number;
}

const documents = `
  select d.id, d.external_id, d.version, d.live_version, v.status, v.text, d.metadata, v.chunk_count as chunks,
         (select count(*)::int from document_versions o where o.document_id = d.id) as versions
    from documents d join document_versions v on v.document_id = d.id and v.version = d.version`;

/** Compares what is there with what the clients did. To be read when nothing moves any more. */
export async function judgeOperations(
  query: Stage['query'],
  models: readonly Model[],
  orphans: Record<string, number>,
): Promise<Audit> {
  const audit: Audit = { lost: [], doubled: [], phantom: [], stuck: [], reruns: 0 };
  const rows = await query<Row>(documents);
  compareDocuments(rows, models, audit);
  await compareCounts(query, rows, audit);
  for (const model of models) audit.lost.push(...model.wrong);
  for (const [kind, found] of Object.entries(orphans))
    if (found > 0) audit.phantom.push(`${found} orphans: ${kind}`);
  await checkInvariants(query, audit);
  const [{ reruns } = { reruns: 0 }] = await query<{ reruns: number }>(
    'select coalesce(sum(greatest(attempts - 1, 0)), 0)::int as reruns from document_versions',
  );
  return { ...audit, reruns };
}

function compareDocuments(rows: readonly Row[], models: readonly Model[], audit: Audit): void {
  const left = new Map(rows.map((row) => [row.external_id, row]));
  for (const [name, known] of models.flatMap(({ documents: own }) => [...own])) {
    const row = left.get(name);
    left.delete(name);
    if (!row) {
      audit.lost.push(`${name} is not there`);
      continue;
    }
    const { text, metadata } = known.history.get(known.version) ?? {};
    const expected = {
      id: known.id,
      version: known.version,
      live_version: known.version,
      status: 'ready',
      text,
    };
    const { id, version, live_version, status } = row;
    const found = { id, version, live_version, status, text: row.text };
    if (!isDeepStrictEqual(found, expected) || !isDeepStrictEqual(row.metadata, metadata))
      audit.lost.push(`${name} is ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`);
    if (row.versions !== known.version)
      audit.doubled.push(`${name} has ${row.versions} versions of ${known.version}`);
  }
  for (const [name, { status, version, live_version }] of left) {
    if (!name.startsWith(contested)) audit.phantom.push(`${name} was deleted, or never made, and is there`);
    else if (status !== 'ready' || live_version !== version)
      audit.lost.push(`${name} is ${status}, not live`);
  }
}

async function compareCounts(query: Stage['query'], rows: readonly Row[], audit: Audit): Promise<void> {
  const sum = (of: 'versions' | 'chunks') => rows.reduce((total, row) => total + row[of], 0);
  const expected = { versions: sum('versions'), chunks: sum('chunks'), vectors: sum('chunks') };
  const [found] = await query<object>(
    `select (select count(*)::int from document_versions) as versions, (select count(*)::int from chunks) as chunks,
            (select count(*)::int from chunk_vectors) as vectors`,
  );
  if (!isDeepStrictEqual({ ...found }, expected))
    audit.phantom.push(`there are ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`);
  const deletes = await query<object>(
    `select id, verb, status, receipt from operations
      where status <> 'completed' or (receipt->>'residual')::int is distinct from 0`,
  );
  for (const row of deletes) audit.stuck.push(`a delete did not end with residual 0: ${JSON.stringify(row)}`);
}
