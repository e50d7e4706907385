import type { Knex } from 'knex';
import { raiseRevision } from './classify-examples.ts';
import type { Db } from './connect.ts';
import { versionInForceSql } from './taxonomy-places.ts';

/** More documents of one node change little, and need not be counted. */
const mostCounted = 1024;

/** Powers of two by node, and of all together. */
type Placed = Record<string, number>;
const total = 'total';

/** What a look knows of those before. */
interface Look {
  /** The steps that have been followed; null: unknown. */
  seen: Placed | null;
  /** How many documents there were. */
  placed: number | null;
  corpus: string | null;
}

/**
 * Follows the documents that people placed: what was classified by few is classified again by more. When those of all nodes have
 * doubled (past a power of two), or halved, everything that the machine classified is due; when those of one node have, what might
 * be at that node; with a node's first, also what might be at its parent and siblings, and what was too unsure for any. So a
 * document is classified again about as often as the counts double. Single nodes are followed once the counts have stood still
 * from one look to the next, so that a load of documents at many nodes isn't learned anew at each. While the corpus stays as it
 * is, a look costs two rows. Returns how many are due now.
 */
export async function followGrowth(db: Knex): Promise<number> {
  const { before, corpus } = await readLook(db);
  if (before.corpus === corpus) return 0;
  const counts = await countPlaced(db);
  const [seen, placed] = [before.seen ?? {}, counts[total] as number];
  const after = step(seen, counts);
  const grown = stepped(seen, after);
  const follows = before.seen === null || placed === before.placed || grown.includes(total);
  const isLeft = grown.length > 0 && !follows;
  return db.transaction(async (trx) => {
    const { before: now } = await readLook(trx, true);
    // Somebody else has looked meanwhile.
    if (JSON.stringify(now) !== JSON.stringify(before)) return 0;
    await trx('classify_state').update({
      looked_placed: placed,
      looked_corpus: isLeft ? null : corpus,
      ...(follows && { seen_placed: JSON.stringify(after) }),
    });
    if (!follows || before.seen === null || grown.length === 0) return 0;
    // What is being classified this moment by the lesson before is saved as due.
    await raiseRevision(trx);
    return markGrown(trx, before.seen, grown);
  });
}

async function readLook(db: Db, locks = false): Promise<{ before: Look; corpus: string }> {
  const { rows } = await db.raw(
    `select s.seen_placed as seen, s.looked_placed as placed, s.looked_corpus::text as "lookedCorpus", c.version::text as corpus
       from classify_state s cross join corpus_state c ${locks ? 'for update of s' : ''}`,
  );
  const { seen, placed, lookedCorpus, corpus } = rows[0];
  return { before: { seen, placed, corpus: lookedCorpus }, corpus };
}

/** Documents that somebody but the machine has placed, by the node in force where they stand. */
async function countPlaced(db: Db): Promise<Placed> {
  const { rows } = await db.raw(
    `select n.id, (
       select count(*)::int from (
         select from (
           select n.id union all select r.id from taxonomy_redirects r where r.version = n.version and r.node_id = n.id) as concept
           join document_nodes a on a.node_id = concept.id and a.source <> 'classified'
           join documents d on d.id = a.document_id and d.deleted_at is null and d.live_version is not null
          limit ${mostCounted}) as found) as placed
       from taxonomy_nodes n where n.version = ${versionInForceSql}`,
  );
  const counts: Placed = { [total]: 0 };
  for (const { id, placed } of rows as { id: string; placed: number }[]) {
    if (placed > 0) counts[id] = placed;
    counts[total] = (counts[total] as number) + placed;
  }
  return counts;
}

/** Steps up at each power of two, and down only from half of one on, so that nothing flutters between two of them. */
function step(seen: Placed, counts: Placed): Placed {
  const steps: Placed = {};
  for (const key of new Set([...Object.keys(seen), ...Object.keys(counts)])) {
    const [held, count] = [seen[key] ?? 0, counts[key] ?? 0];
    const next = count >= 2 * held || count <= held / 2 ? powerOfTwo(count) : held;
    if (next > 0) steps[key] = next;
  }
  return steps;
}

function powerOfTwo(count: number): number {
  return count === 0 ? 0 : 2 ** Math.floor(Math.log2(count));
}

function stepped(a: Placed, b: Placed): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter(
    (key) => (a[key] ?? 0) !== (b[key] ?? 0),
  );
}

async function markGrown(trx: Knex.Transaction, before: Placed, grown: readonly string[]): Promise<number> {
  const nodes = grown.filter((key) => key !== total);
  const { rowCount } = await trx.raw(
    `with first as (select n.* from taxonomy_nodes n where n.version = ${versionInForceSql} and n.id = any(:first::uuid[])),
          concerned as (
            select unnest(:nodes::uuid[]) as id
            union select f.parent_id from first f where f.parent_id is not null
            union select s.id from first f
              join taxonomy_nodes s on s.version = f.version and s.parent_id is not distinct from f.parent_id)
     update classifications c set due = true
      where not c.due and (:all or c.nodes && array(select id from concerned) or (c.review and exists (select from first)))`,
    { all: nodes.length < grown.length, nodes, first: nodes.filter((node) => !before[node]) },
  );
  return rowCount ?? 0;
}
