import type { Request } from 'express';
import { z } from 'zod';
import { acceptDocuments, acceptingTransaction } from '../db/accept-documents.ts';
import { batchExists, insertBatch } from '../db/batch-changes.ts';
import { nudgeIngestion } from '../jobs/nudge-versions.ts';
import { urlPolicy } from '../net/url-policy.ts';
import type { ApiContext } from './app.ts';
import { refuseWhenFull } from './backpressure.ts';
import { batchesPath, batchSchema } from './batch-resource.ts';
import { jsonText, ndjson } from './media.ts';
import { documentBody, fromBody } from './new-document.ts';
import { receiveBatch } from './receive-batch.ts';
import { type ItemDefaults, itemDefaults, withDefaults } from './received-line.ts';
import { type AnyRoute, type Caller, type Reply, route } from './route.ts';
import { documentAttributes } from './schemas.ts';
import { withStreamedIdempotency } from './streamed-idempotency.ts';
import { fileForm, fromUpload, type Upload } from './upload.ts';

const mode = z.literal('upsert').default('upsert');
const request = z
  .strictObject({
    items: z.array(documentBody).min(1).max(1000),
    defaults: itemDefaults.optional().describe('For every item that does not say otherwise'),
    mode,
  })
  .meta({ id: 'NewBatch' });

const { collection, source_url, author, language, taxonomy_path, metadata } = documentAttributes;
const query = z.strictObject({
  mode,
  priority: z.coerce.number('must be a whole number from 1 to 10').int().min(1).max(10).optional(),
  ...{ collection, source_url, author, language },
  taxonomy_path: jsonText(taxonomy_path).optional(),
  metadata: jsonText(metadata).optional(),
});

const streamed =
  `One document a line, as in \`items\`, any number of them; blank lines are skipped. What every line has in
common goes into the query. Lines are taken in a hundred at a time while they come, and worked on at once: a line that can't be
accepted is an item of status \`failed\` with a pointer and a sentence, and refuses nothing else. While the queue is full nothing
more is read; after STREAM_PATIENCE_SECONDS without room the reply is 429 \`queue_full\`. Whatever cuts the stream off, the lines
that came whole stay: the batch holds them and says in \`error\` why there are no more. Sending the same lines again with the same
Idempotency-Key adds the rest to that batch.`.replaceAll('\n', ' ');

interface Deps {
  context: ApiContext;
  show: (id: string, caller: Caller) => Promise<unknown>;
}

export function createBatchRoute(context: ApiContext, show: Deps['show']): AnyRoute {
  const deps = { context, show };
  return route({
    method: 'post',
    paths: [batchesPath],
    scope: 'write',
    tag: 'ingestion',
    summary: 'Add or update many documents',
    creates: true,
    query,
    body: request,
    alsoAccepts: { 'multipart/form-data': fileForm, [ndjson]: z.string().describe(streamed) },
    streams: ndjson,
    maxFiles: 100,
    responses: { 202: { description: 'Accepted', schema: batchSchema } },
    handler: async ({ body, query, upload, caller, workId, raw }) => {
      const { mode: _, ...given } = query;
      const common = given as ItemDefaults;
      if (raw.is(ndjson)) return acceptLines(deps, raw, { id: workId, caller, defaults: common });
      return acceptItems(deps, { body, upload, common, caller, id: workId });
    },
  });
}

interface Whole {
  body: z.output<typeof request>;
  upload: Upload | undefined;
  common: ItemDefaults;
  caller: Caller;
  id: string;
}

async function acceptItems(
  { context, show }: Deps,
  { body, upload, common, caller, id }: Whole,
): Promise<Reply> {
  const { config, db, queues } = context;
  const defaults = { ...common, ...body?.defaults };
  const documents = upload
    ? fromUpload(upload)
    : body.items.map((item, n) => fromBody(withDefaults(item, defaults), urlPolicy(config), `/items/${n}`));
  await refuseWhenFull(context, 'ingestion', documents.length);
  const options = {
    apiKeyId: caller.id,
    access: caller.access,
    pointerOf: (n: number) => (upload ? '' : `/items/${n}`),
    createPaths: config.AUTO_CREATE_TAXONOMY,
    piiPolicy: config.PII_POLICY,
  };
  const accepted = await acceptingTransaction(db, async (trx) => {
    if (await batchExists(trx, id)) return [];
    const accepted = await acceptDocuments(trx, documents, options);
    const names = documents.map((document) => document.externalId);
    await insertBatch(trx, id, caller.id, names, accepted);
    return accepted;
  });
  const waiting = accepted.filter(({ outcome }) => outcome === 'accepted');
  await nudgeIngestion({ db, enqueue: queues.enqueue }, waiting);
  return replyWith(await show(id, caller), id);
}

async function acceptLines(
  { context, show }: Deps,
  raw: Request,
  { id, caller, defaults }: { id: string; caller: Caller; defaults: ItemDefaults },
): Promise<Reply> {
  const receive = async (batchId: string, stillHere: () => Promise<void>) => {
    await refuseWhenFull(context, 'ingestion');
    return receiveBatch(context, raw, { id: batchId, caller, defaults, stillHere });
  };
  const reply = async (batchId: string) => replyWith(await show(batchId, caller), batchId);
  const key = raw.get('idempotency-key');
  try {
    if (key) return await withStreamedIdempotency(context.db, caller, raw, key, { receive, reply });
    await receive(id, async () => undefined);
    return await reply(id);
  } finally {
    letGo(raw);
  }
}

function replyWith(body: unknown, id: string): Reply {
  return { status: 202, body, headers: { Location: `${batchesPath}/${id}`, 'Retry-After': '1' } };
}

/** A caller who is still sending reads our reply only if we read on; but not for ever. */
const patienceMs = 5000;

function letGo(raw: Request): void {
  if (raw.complete) return;
  raw.on('error', () => undefined);
  raw.unpipe();
  raw.removeAllListeners('readable');
  raw.resume();
  const timer = setTimeout(() => raw.destroy(), patienceMs);
  raw.once('close', () => clearTimeout(timer));
}
