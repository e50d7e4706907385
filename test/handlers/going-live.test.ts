import { afterAll, expect, it } from 'vitest';
import type { Context } from '../../workers/context.ts';
import { handlers } from '../../workers/handlers.ts';
import { type HandlerBench, openBench } from '../support/context.ts';
import { chunked, ready } from '../support/ingest.ts';
import { onlyWhere } from '../support/tier.ts';
import { waitFor } from '../support/wait-for.ts';

let bench: HandlerBench | undefined;
let context: Context;
afterAll(() => bench?.close());

const rowsOf = async (sql: string, values: string[] = []) => (await context.db.raw(sql, values)).rows;
const statusOf = async (id: string, version: number) =>
  (await context.db('document_versions').where({ document_id: id, version }).first('status')).status;

it('other deliveries of a version give way while one makes it live', async (test) => {
  onlyWhere(test, 'connections have sessions of their own');
  bench = await openBench();
  context = bench.context;
  // A version that takes the place of another goes live step by step, as a long one does.
  const { documentId } = await ready(context, { text: 'The heron waits at the weir.', externalId: 'heron' });
  const key = await chunked(context, { text: 'The heron has left the weir.', externalId: 'heron' });
  expect(key).toEqual({ documentId, version: 2 });
  const embed = (batch: number) => handlers.embedChunks.run({ ...key, batch }, context);
  let first: Promise<void> = Promise.resolve();
  await context.db.transaction(async (trx) => {
    // The row of the corpus, which going live changes: the first delivery stands before it until this transaction ends.
    await trx.raw('select from corpus_state for update');
    first = embed(0);
    await waitFor('the first delivery is about to make it live', async () => {
      const waiting = await rowsOf(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      return waiting.length > 0;
    });
    await embed(1);
    await embed(0);
    expect(await statusOf(documentId, 2), 'neither waited').toBe('embedding');
  });
  await first;
  expect(await statusOf(documentId, 2)).toBe('ready');
  const live = await rowsOf('select distinct version from chunks where document_id = ? and live', [
    documentId,
  ]);
  expect(live).toEqual([{ version: 2 }]);
});
