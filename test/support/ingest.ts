import { acceptDocuments, acceptingTransaction } from '../../src/db/accept-documents.ts';
import type { VersionKey } from '../../src/db/versions.ts';
import type { Context } from '../../workers/context.ts';
import { handlers } from '../../workers/handlers.ts';

export interface Note {
  text: string;
  externalId?: string;
  title?: string;
  metadata?: Record<string, unknown>;
}

/** Rows as a caller leaves them: accepted, nothing done yet. */
export async function accept(
  { db }: Pick<Context, 'db'>,
  { text, externalId, title, metadata = {} }: Note,
): Promise<VersionKey> {
  const attributes = {
    ...{ title: title ?? null, source_url: null, author: null, language: null },
    ...{ taxonomy_path: [], metadata },
  };
  const document = {
    ...{ externalId: externalId ?? null, attributes, priority: 5 },
    ...{ contentType: 'text/plain', fileName: null, content: { text } },
  };
  const [accepted] = await acceptingTransaction(db, (trx) =>
    acceptDocuments(trx, [document], { apiKeyId: null, createPaths: true }),
  );
  const { documentId, version } = accepted as NonNullable<typeof accepted>;
  return { documentId, version };
}

/** The same, parsed and split: its chunks wait for their vectors. */
export async function chunked(context: Context, note: Note): Promise<VersionKey> {
  const key = await accept(context, note);
  await handlers.ingestDocument.run(key, context);
  return key;
}

/** The same, to be found. */
export async function ready(context: Context, note: Note): Promise<VersionKey> {
  const key = await chunked(context, note);
  await handlers.embedChunks.run({ ...key, batch: 0 }, context);
  return key;
}
