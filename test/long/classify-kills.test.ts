import { afterAll, expect, it } from 'vitest';
import { createClient } from '../support/http.ts';
import { launch, type ServiceProcess } from '../support/process.ts';
import { addDocuments, type Client, type Json } from '../support/service.ts';
import { openSql, type Sql } from '../support/sql.ts';
import { createStores, type Stores } from '../support/stores.ts';
import { waitFor } from '../support/wait-for.ts';

const adminKey = 'the-admin-key-of-a-classifier-that-is-killed';
/** Words of each subject; the last is one of its own, that the others have none of. */
const subjects: Record<string, string[]> = {
  Football: 'goal striker league referee penalty stadium keeper corner'.split(' '),
  Chess: 'pawn bishop opening checkmate gambit endgame rook castling'.split(' '),
  Baking: 'flour oven yeast dough butter crust pastry kneading'.split(' '),
  Law: 'court verdict judge statute appeal plaintiff lawsuit counsel'.split(' '),
};
const names = Object.keys(subjects);
const perSubject = 24;
const examplesEach = 8;

/** Different words of the subject each time, so that no two texts are the same. */
function textOf(subject: string, n: number): string {
  const words = subjects[subject] as string[];
  const some = Array.from({ length: 5 }, (_, i) => words[(n * 3 + i * (1 + (n % 3))) % words.length]);
  return `Note ${subject.length}-${n}: ${some.join(' ')}, and again ${some.reverse().join(' ')}.`;
}

interface Run {
  stores: Stores;
  child: ServiceProcess;
  admin: Client;
  sql: Sql;
}

const opened = new Set<Run>();
afterAll(async () => {
  for (const run of opened) await remove(run);
});

async function remove(run: Run): Promise<void> {
  opened.delete(run);
  await kill(run);
  await run.stores.remove();
}

/** API and workers in one process; on the embedded tier its database is gone with it. */
async function start(run: Run): Promise<void> {
  run.child = launch('workers/start.ts', {
    ...run.stores.environment,
    ...{ PORT: '0', ADMIN_API_KEY: adminKey, LOG_LEVEL: 'warn' },
  });
  run.admin = createClient(await run.child.says(/DT-RAG is ready: (http:\S+)\/docs/), adminKey);
  run.sql = openSql(run.stores.connection);
}

async function kill(run: Run): Promise<void> {
  await run.sql.close();
  await run.child.kill('SIGKILL');
}

const rowsOf = ({ sql }: Run) =>
  sql.query<Json>(
    `select d.external_id as name, c.node_id, array_to_string(n.path, '/') as path, c.review, c.confidence, c.due,
            c.classified_at::text as at,
            (select count(*)::int from document_nodes a where a.document_id = d.id) as places,
            (select count(*)::int from review_tasks t where t.document_id = d.id and t.status in ('open', 'assigned')) as tasks
       from classifications c join documents d on d.id = c.document_id
       join taxonomy_versions f on f.in_force left join taxonomy_nodes n on n.version = f.version and n.id = c.node_id
      order by d.external_id`,
  );
const unfinished = async ({ sql }: Run): Promise<number> => {
  const [row] = await sql.query<Json>(
    `select (select count(*)::int from classify_waiting) + (select count(*)::int from classifications where due) as n,
            (select seen_version from classify_state) = (select version from taxonomy_versions where in_force) as followed`,
  );
  return row.followed ? row.n : -1;
};

/** Examples of every subject, and as many documents without a place, all classified. */
async function prepare(): Promise<Run> {
  const run = { stores: await createStores() } as Run;
  await start(run);
  opened.add(run);
  const given = names.flatMap((subject) =>
    Array.from({ length: examplesEach }, (_, n) => ({
      text: textOf(subject, 1000 + n),
      external_id: `given-${subject}-${n}`,
      taxonomy_path: ['All', subject],
    })),
  );
  await addDocuments(run.admin, given);
  const items = names.flatMap((subject) =>
    Array.from({ length: perSubject }, (_, n) => ({
      text: textOf(subject, n),
      external_id: `${subject}-${n}`,
    })),
  );
  for (let at = 0; at < items.length; at += 120) await addDocuments(run.admin, items.slice(at, at + 120));
  await waitFor('all are classified', async () => (await rowsOf(run)).length === items.length);
  await waitFor('nothing is due', async () => (await unfinished(run)) === 0);
  // Those that came first were learned from fewer: from here on both runs have the same behind them.
  await run.sql.query('update classify_state set revision = revision + 1');
  await run.sql.query('update classifications set due = true');
  await waitFor('nothing is due', async () => (await unfinished(run)) === 0, { withinMs: 180_000 });
  return run;
}

/** Publishes a version that describes one node otherwise. */
async function publish({ admin, sql }: Run): Promise<void> {
  const [node] = await sql.query<Json>(
    `select n.id from taxonomy_nodes n join taxonomy_versions f on f.in_force and f.version = n.version where n.path[2] = 'Chess'`,
  );
  const description = 'The game of pawns and bishops: openings, gambits, endgames, castling and checkmate.';
  const edited = await admin.call('PATCH', `/api/v1/taxonomy/nodes/${node.id}`, { json: { description } });
  expect(edited.status).toBe(200);
  const published = await admin.post('/api/v1/taxonomy/versions', { reason: 'a test' });
  expect([200, 201]).toContain(published.status);
}

const outcome = (rows: Json[]) => rows.map(({ name, path, review }) => ({ name, path, review }));

it('classifies again what a version concerns alone, to the same end however often the workers are killed', async () => {
  const calm = await prepare();
  const before = await rowsOf(calm);
  const concerned = new Set<string>(
    (
      await calm.sql.query<{ name: string }>(
        `select d.external_id as name from classifications c join documents d on d.id = c.document_id
          where c.nodes && array(select n.id from taxonomy_nodes n where n.path[2] = 'Chess')`,
      )
    ).map(({ name }) => name),
  );
  expect(concerned.size).toBeGreaterThanOrEqual(perSubject);
  expect(concerned.size).toBeLessThan(before.length);
  await publish(calm);
  await waitFor('the version is followed', async () => (await unfinished(calm)) === 0);
  const after = await rowsOf(calm);
  const touched = after.filter(({ at }, i) => at !== before[i].at).map(({ name }) => name);
  expect(new Set(touched)).toEqual(concerned);
  await remove(calm);

  const killed = await prepare();
  const start0 = await rowsOf(killed);
  expect(outcome(start0)).toEqual(outcome(before));
  const done = async () => (await rowsOf(killed)).filter(({ at }, i) => at !== start0[i].at).length;
  await publish(killed);
  for (const share of [0.2, 0.6]) {
    await waitFor(`${share} are classified`, async () => (await done()) >= share * concerned.size, {
      withinMs: 120_000,
      everyMs: 5,
    });
    await kill(killed);
    await start(killed);
  }
  await waitFor('the version is followed', async () => (await unfinished(killed)) === 0, {
    withinMs: 240_000,
  });
  const end = await rowsOf(killed);
  expect(outcome(end)).toEqual(outcome(after));
  for (const [i, { confidence }] of end.entries()) expect(confidence).toBeCloseTo(after[i].confidence, 3);
  const again = end.filter(({ at }, i) => at !== start0[i].at).map(({ name }) => name);
  expect(new Set(again)).toEqual(concerned);
  // A place or a task each, never both and never two.
  for (const { places, tasks, review } of end)
    expect({ places, tasks }).toEqual(review ? { places: 0, tasks: 1 } : { places: 1, tasks: 0 });
}, 900_000);
