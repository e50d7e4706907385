import type { Db } from './connect.ts';

export interface CorpusStatistics {
  version: number;
  live_chunks: number;
  live_words: number;
  documents: Record<string, number>;
}

export async function corpusStatistics(db: Db): Promise<CorpusStatistics> {
  const state = await db('corpus_state').first('version', 'live_chunks', 'live_words');
  const { rows } = await db.raw(
    `select v.status, count(*)::int as count from documents d join document_versions v on v.document_id = d.id and v.version = d.version
      where d.deleted_at is null group by v.status`,
  );
  return {
    ...state,
    documents: Object.fromEntries(
      rows.map((row: { status: string; count: number }) => [row.status, row.count]),
    ),
  };
}
