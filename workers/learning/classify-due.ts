import { followGrowth } from '../../src/db/classify-growth.ts';
import { findDue, followTaxonomy, takeBackDue } from '../../src/db/classify-work.ts';
import type { Context, Handler } from '../context.ts';
import { classifyOne, isDescribed, isReady } from './classify-document.ts';

/** How long one delivery goes on before it lets others have its place; the next one comes by itself. */
const turnMs = 20_000;
const atATime = 50;
/** A document that went live has a job of its own, which may be asking a model: not to be asked twice. */
const settledSeconds = 15;

/** Follows the taxonomy and the documents placed in it, then classifies what is due, document by document: what is done is done, whatever happens after. */
export const classifyDue: Handler<'classifyDue'> = {
  async run(_payload, context) {
    const { config, db, llm, log, signal } = context;
    if (!config.CLASSIFY_DOCUMENTS) return;
    await follow(context);
    const end = performance.now() + turnMs;
    const settled = llm ? settledSeconds + config.CLASSIFY_ASK_MS / 1000 : 0;
    const passed = new Set<string>();
    let classified = 0;
    while (performance.now() < end) {
      const due = (await findDue(db, atATime + passed.size, settled)).filter(
        ({ documentId }) => !passed.has(documentId),
      );
      if (due.length === 0) break;
      if (!(await isReady(context))) {
        if (!(await isDescribed(db)) && (await takeBackDue(db, atATime)) > 0) continue;
        break;
      }
      for (const one of due) {
        signal.throwIfAborted();
        // What can't be written, since it changes this moment, must not be met again and again.
        if (await classifyOne(one, context)) classified++;
        else passed.add(one.documentId);
      }
    }
    if (classified > 0) log.info({ classified }, 'documents classified');
  },
};

async function follow({ db, log }: Context): Promise<void> {
  const affected = await followTaxonomy(db);
  if (affected) log.info({ affected }, 'documents that a taxonomy version concerns');
  const grown = await followGrowth(db);
  if (grown) log.info({ grown }, 'documents that were classified by far fewer or more examples');
}
