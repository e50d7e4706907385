import { readNodeSizes } from '../../src/db/taxonomy-sample.ts';
import { fillNewNodes, readClock, replaceSuggestions } from '../../src/db/taxonomy-suggestions.ts';
import type { Handler } from '../context.ts';
import { findMerges } from './evolution/find-merges.ts';
import { findMissing, findMissingByQuestions } from './evolution/find-missing.ts';
import { findSplits } from './evolution/find-splits.ts';
import { openSample } from './evolution/sample.ts';

/** Fewer documents say nothing of a node; of more nodes than these, the largest are looked at. */
const [fewestDocuments, mostNodes] = [10, 100];

/** Documents and questions → what the taxonomy might do better; and documents to the nodes that were accepted for them. */
export const suggestTaxonomy: Handler<'suggestTaxonomy'> = {
  async run(_payload, { db, embedders, log, signal }) {
    const since = await readClock(db);
    const filled = await fillNewNodes(db);
    const nodes = await readNodeSizes(db, fewestDocuments, mostNodes);
    const sample = await openSample({ db, embedders, signal }, nodes);
    const found = [
      ...(await findSplits(sample)),
      ...findMerges(sample),
      ...findMissing(sample),
      ...(await findMissingByQuestions(db)),
    ];
    const { fresh, outdated } = await replaceSuggestions(db, found, since);
    if (filled + fresh + outdated > 0)
      log.info({ filled, fresh, outdated, open: found.length }, 'taxonomy suggested');
  },
};
