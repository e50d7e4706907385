import { afterAll, beforeAll, expect, it } from 'vitest';
import { addDocuments, type Client, type Json, startService, type TestService } from '../support/service.ts';
import { waitFor } from '../support/wait-for.ts';

let service: TestService;
let admin: Client;

beforeAll(async () => {
  service = await startService();
  admin = service.admin;
});
afterAll(() => service.stop());

const subjects: Record<string, string[]> = {
  Chess: 'pawn bishop opening checkmate gambit endgame rook castling'.split(' '),
  Baking: 'flour oven yeast dough butter crust pastry kneading'.split(' '),
};
const textOf = (subject: string, n: number): string => {
  const words = subjects[subject] as string[];
  const some = Array.from({ length: 5 }, (_, i) => words[(n * 3 + i * (1 + (n % 3))) % words.length]);
  return `Note ${n}: ${some.join(' ')}, and again ${some.reverse().join(' ')}.`;
};
const given = (from: number, to: number) =>
  Object.keys(subjects).flatMap((subject) =>
    Array.from({ length: to - from }, (_, i) => ({
      text: textOf(subject, 100 + from + i),
      taxonomy_path: ['Clubs', subject],
    })),
  );
/** Of a subject, of none, and like the examples in all but what tells them apart. */
const unplaced = (name: string) => [
  { text: textOf('Chess', 1), external_id: `${name} chess` },
  { text: textOf('Baking', 2), external_id: `${name} baking` },
  { text: 'Quarterly rainfall in the north of Norway rose again.', external_id: `${name} rainfall` },
  { text: 'Note 7: nothing, and again nothing.', external_id: `${name} nothing` },
];

const rowsOf = (name: string) =>
  service.sql.query<Json>(
    `select replace(d.external_id, $1 || ' ', '') as what, case when not c.review then array_to_string(n.path, '/') end as path, c.review, c.due, k.given,
            (select count(*)::int from document_nodes a where a.document_id = d.id) as places,
            (select count(*)::int from review_tasks t where t.document_id = d.id and t.status in ('open', 'assigned')) as tasks
       from documents d join classifications c on c.document_id = d.id left join classifiers k on k.id = c.classifier_id
       join taxonomy_versions f on f.in_force left join taxonomy_nodes n on n.version = f.version and n.id = c.node_id
      where d.external_id like $1 || ' %' order by d.external_id`,
    [name],
  );
/** Once all are classified by so many placed documents at least. */
const settled = (name: string, examples: number) =>
  waitFor(`${name} is classified by ${examples}`, async () => {
    const rows = await rowsOf(name);
    const done = rows.filter(({ due, given }) => !due && given?.length >= examples);
    return done.length === 4 && rows.map(({ due: _, given: __, ...row }) => row);
  });

it('ends the same whatever came first: documents, or the examples that they are classified by', async () => {
  await addDocuments(admin, [...unplaced('early'), ...given(0, 3)]);
  await settled('early', 6);
  await addDocuments(admin, given(3, 8));
  const early = await settled('early', 16);
  await addDocuments(admin, unplaced('late'));
  const late = await settled('late', 16);
  expect(early).toEqual(late);
  expect(late).toEqual([
    { what: 'baking', path: 'Clubs/Baking', review: false, places: 1, tasks: 0 },
    { what: 'chess', path: 'Clubs/Chess', review: false, places: 1, tasks: 0 },
    expect.objectContaining({ what: 'nothing', review: true, places: 0, tasks: 1 }),
    expect.objectContaining({ what: 'rainfall', review: true, places: 0, tasks: 1 }),
  ]);
});

it('takes back what was said by examples that there are no more', async () => {
  const placed = await service.sql.query<{ id: string }>(
    `select distinct document_id as id from document_nodes where source = 'given'`,
  );
  for (const { id } of placed)
    expect((await admin.delete(`/api/v1/documents/${id}`)).status).toBeLessThan(300);
  await waitFor('nothing is classified', async () => {
    const [row] = await service.sql.query<Json>(
      `select (select count(*) from classifications) + (select count(*) from document_nodes where source = 'classified')
              + (select count(*) from review_tasks where status in ('open', 'assigned')) as n,
              (select count(*)::int from classify_waiting) as waiting`,
    );
    return Number(row.n) === 0 && row.waiting === 8;
  });
  // And says it again as soon as there are others.
  await addDocuments(admin, given(8, 11));
  expect((await settled('early', 6)).map(({ review }) => review)).toEqual([false, false, true, true]);
});
