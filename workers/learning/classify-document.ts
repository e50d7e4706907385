import {
  countDescribed,
  type DueDocument,
  findDueDocument,
  saveClassified,
} from '../../src/db/classify-work.ts';
import type { Context, Handler } from '../context.ts';
import { checkByModel } from '../cross-check/ask-model.ts';

/** Nodes of a document that are kept with it. */
const mostCandidates = 8;
/** From so many nodes on with more than a name, documents are placed by the machine. */
const leastDescribed = 2;

/**
 * Where a live document belongs. Delivered twice, or beside classifyDue, it does the same twice: what comes of it is one row, one
 * assignment and one task at most, and nothing is written of a document that has changed meanwhile.
 */
export const classifyDocument: Handler<'classifyDocument'> = {
  async run({ documentId }, context) {
    if (!context.config.CLASSIFY_DOCUMENTS) return;
    const due = await findDueDocument(context.db, documentId);
    if (due && (await isReady(context))) await classifyOne(due, context);
  },
};

/** Whether the taxonomy says enough of its nodes. */
export async function isReady({ classification, db }: Context): Promise<boolean> {
  if (!(await isDescribed(db))) return false;
  return (await classification.current()).described >= leastDescribed;
}

/** The same by the rows alone: what of it can be learned from this moment is another question. */
export async function isDescribed(db: Context['db']): Promise<boolean> {
  return (await countDescribed(db, leastDescribed)) >= leastDescribed;
}

/** False: there was nothing to write. */
export async function classifyOne(due: DueDocument, context: Context): Promise<boolean> {
  const { classification, config, db, metrics } = context;
  const view = { threshold: config.CLASSIFY_THRESHOLD, most: mostCandidates };
  const learned = await classification.document(due.documentId, view);
  if (!learned) return false;
  const found = await checkByModel(due.documentId, learned, context);
  if (!(await saveClassified(db, due, found))) return false;
  metrics.documentsClassified.inc({ outcome: found.hitl ? 'review' : 'assigned' });
  return true;
}
