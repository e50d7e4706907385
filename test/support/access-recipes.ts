import type { Random } from '../chaos/random.ts';
import { type Kind, noteOf, type Side, webhookOf } from './access-sides.ts';
import { type Call, fileForm } from './http.ts';

/** What a call is made of: whose it is, whose things it names, and chance. */
export interface Ingredients {
  side: Side;
  /** The side whose ids and words it uses: its own or another one. */
  aim: Side;
  random: Random;
}

export interface Recipe {
  /** Of what kind `{id}` is. */
  kind?: Kind;
  query?: (given: Ingredients) => string;
  call?: ((given: Ingredients) => Call) | undefined;
}

const json =
  (make: (given: Ingredients) => unknown): Recipe['call'] =>
  (given) => ({ json: make(given), headers: keyed(given) });

/** Some calls bear an Idempotency-Key that the others use, too. */
function keyed({ random }: Ingredients): Record<string, string> {
  return random.int(3) === 0 ? { 'Idempotency-Key': `everybody-${random.int(8)}` } : {};
}

/** Filters that only its own documents can pass, whatever they name. */
function filtersOf({ aim, random }: Ingredients): Record<string, unknown> {
  return random.pick([
    {},
    { metadata: { common: true } },
    { document_ids: [...aim.ids.document].slice(0, 50) },
    { collections: ['red', 'blue', 'default'] },
    { canonical_in: [[random.pick(['Elsewhere', ...(aim.place.taxonomy_path[1] ? ['Below'] : [])])]] },
  ]);
}

/** A document in the own place, under a name of its own or one that another side uses. */
function newNote(given: Ingredients): Record<string, unknown> {
  const { aim, random, side } = given;
  const note = noteOf(side, 10 + random.int(1000));
  const named = random.int(2) === 0 ? note : { ...note, external_id: aim.probe };
  // Where the other one's documents are: refused, unless it is one's own place.
  if (random.int(4) > 0) return named;
  return { ...named, collection: aim.place.collection ?? 'default' };
}

/** A word that no document holds. */
export const unheard = 'quxunheardzq';

const search = json((given) => ({
  q: `Where does the ${given.aim.probe} ${unheard} barge go?`,
  search_mode: given.random.pick(['bm25', 'hybrid', 'vector']),
  max_results: 100,
  use_neural: given.random.int(2) === 0,
  expand: given.random.pick(['none', 'neighbours', 'section']),
  filters: filtersOf(given),
}));

const selection = json((given) => ({
  dry_run: given.random.int(2) === 0,
  ...given.random.pick<Record<string, unknown>>([
    { external_ids: [given.aim.probe, `${given.side.canary}-1`] },
    { external_id_prefix: 'probe' },
    { filters: { document_ids: [...given.aim.ids.document].slice(-3), metadata: { doomed: true } } },
    { filters: { metadata: { doomed: true } } },
    { filters: { collections: ['red', 'blue', 'default'], metadata: { doomed: true } } },
  ]),
}));

function sendBatch(given: Ingredients): Call {
  const { random, side } = given;
  const items = [newNote(given), noteOf(side, 10 + random.int(1000))];
  if (random.int(2) === 0) return { json: { items }, headers: keyed(given) };
  return {
    raw: items.map((item) => JSON.stringify(item)).join('\n'),
    headers: { 'Content-Type': 'application/x-ndjson', ...keyed(given) },
  };
}

function sendDocument(given: Ingredients): Call {
  const { text, metadata, taxonomy_path, ...fields } = newNote(given) as Record<string, string>;
  if (given.random.int(3) > 0) return { json: { ...newNote(given) }, headers: keyed(given) };
  const shared = { metadata: JSON.stringify(metadata), taxonomy_path: JSON.stringify(taxonomy_path) };
  return { form: fileForm({ name: 'note.txt', bytes: text ?? '' }, { ...fields, ...shared }) };
}

/** How to call each route that keys without admin scope may use, by `METHOD path`. */
export const recipes: Record<string, Recipe> = {
  'POST /api/v1/answers': {
    call: json((given) => ({
      question: `What does the ${given.aim.probe} barge carry? ${given.side.canary}`,
      filters: filtersOf(given),
      // Now and then after what the other was told: there is no such answer.
      ...(given.random.int(3) === 0 && { previous_answer_id: given.random.pick([...given.aim.ids.answer]) }),
    })),
  },
  'GET /api/v1/answers': { query: ({ random }) => random.pick(['', '?limit=200', '?status=completed']) },
  'GET /api/v1/answers/{id}': { kind: 'answer' },
  'POST /api/v1/answers/{id}/cancel': { kind: 'answer' },
  'DELETE /api/v1/answers/{id}': { kind: 'answer' },
  'POST /api/v1/answers/{id}/feedback': {
    kind: 'answer',
    call: json(({ side }) => ({ rating: 1, comment: side.canary })),
  },
  'POST /api/v1/answers/{id}/replay': {
    kind: 'answer',
    call: ({ random }) => ({ json: { mode: random.pick(['recorded', 'reexecute']) } }),
  },
  'POST /api/v1/webhooks': { call: json(({ side }) => webhookOf(side)) },
  'GET /api/v1/webhooks': {},
  'GET /api/v1/webhooks/signing-secret': {},
  'POST /api/v1/webhooks/signing-secret/rotate': { call: json(() => ({ overlap_seconds: 0 })) },
  'PATCH /api/v1/webhooks/{id}': {
    kind: 'webhook',
    call: json(({ side }) => ({ description: `${side.canary} again` })),
  },
  'DELETE /api/v1/webhooks/{id}': { kind: 'webhook' },
  'POST /api/v1/webhooks/{id}/rotate-secret': { kind: 'webhook', call: json(() => ({ overlap_seconds: 0 })) },
  'POST /api/v1/webhooks/{id}/ping': { kind: 'webhook' },
  'POST /api/v1/webhook-deliveries/{id}/redeliver': { kind: 'delivery' },
  'POST /api/v1/search': { call: search },
  'POST /api/v1/documents': { call: sendDocument },
  'GET /api/v1/documents': {
    query: ({ aim, random }) =>
      random.pick(['?limit=200', '?limit=3', `?external_id=${aim.probe}`, '?external_id_prefix=probe']),
  },
  'GET /api/v1/documents/{id}': { kind: 'document' },
  'GET /api/v1/documents/{id}/versions': { kind: 'document' },
  'GET /api/v1/documents/{id}/versions/{n}': { kind: 'document' },
  'GET /api/v1/documents/{id}/versions/{n}/diff': { kind: 'document' },
  'POST /api/v1/documents/{id}/versions/{n}/restore': {
    kind: 'document',
    call: (given) => ({ headers: keyed(given) }),
  },
  'GET /api/v1/documents/{id}/versions/{n}/text': { kind: 'document' },
  'GET /api/v1/documents/{id}/chunks': { kind: 'document' },
  'DELETE /api/v1/documents/{id}': { kind: 'document' },
  'DELETE /api/v1/documents': {
    query: ({ aim, side, random }) =>
      random.int(2) === 0
        ? `?external_id=${aim.probe}&collection=${aim.place.collection ?? 'default'}`
        : `?external_id=${side.canary}-2`,
  },
  'POST /api/v1/documents/delete': { call: selection },
  'POST /api/v1/ingestion-batches': { call: sendBatch },
  'GET /api/v1/ingestion-batches': {},
  'GET /api/v1/ingestion-batches/{id}': { kind: 'batch' },
  'GET /api/v1/ingestion-batches/{id}/items': { kind: 'batch' },
  'POST /api/v1/ingestion-batches/{id}/cancel': { kind: 'batch' },
  'POST /api/v1/ingestion-batches/{id}/retry': { kind: 'batch' },
  'GET /api/v1/operations/{id}': { kind: 'operation' },
  'GET /api/v1/assistants': {},
  'POST /ofrep/v1/evaluate/flags/{key}': {
    call: json(({ aim }) => ({ context: { targetingKey: aim.probe } })),
  },
  'POST /ofrep/v1/evaluate/flags': { call: json(({ aim }) => ({ context: { targetingKey: aim.probe } })) },
  'POST /api/v1/classify': {
    call: json(({ aim, random }) =>
      random.int(2) === 0
        ? { text: `The ${aim.probe} ${unheard} barge` }
        : { document_id: random.pick([...aim.ids.document]) },
    ),
  },
  'POST /api/v1/classify/batch': {
    call: json(({ aim }) => ({ items: [{ text: `The ${aim.probe} ${unheard} barge` }] })),
  },
  'GET /api/v1/classify/hitl/tasks': {},
  'POST /api/v1/classify/hitl/tasks/{id}/assign': {
    kind: 'task',
    call: json(({ side }) => ({ to: side.canary })),
  },
  'POST /api/v1/classify/hitl/tasks/{id}/review': { kind: 'task', call: json(() => ({ verdict: 'skip' })) },
  'POST /api/v1/classify/hitl/reviews': {
    // Replies name the task that was asked for.
    call: json(() => ({ items: [{ task_id: '00000000-0000-4000-8000-000000000001', verdict: 'approve' }] })),
  },
  'GET /api/v1/classify/examples': {},
  'POST /api/v1/classify/examples': {
    call: json(({ aim, random }) => ({
      canonical: ['Elsewhere'],
      document_id: random.pick([...aim.ids.document]),
    })),
  },
  'DELETE /api/v1/classify/examples/{id}': { kind: 'example' },
  'GET /api/v1/taxonomy/versions': {},
  'GET /api/v1/taxonomy/{v}/tree': {},
  'GET /api/v1/taxonomy/history': {},
  'GET /api/v1/taxonomy/{v}/diff/{base}': {},
  'GET /api/v1/taxonomy/{v}/validate': {},
  'GET /api/v1/taxonomy/{v}/statistics': {},
  'GET /api/v1/taxonomy/{v}/export': {
    query: ({ random }) => random.pick(['', '?format=csv', '?format=skos']),
  },
};

const kindsByPath: Record<string, Kind> = {
  '/api/v1/answers/{id}': 'answer',
  '/api/v1/documents/{id}': 'document',
  '/api/v1/ingestion-batches/{id}': 'batch',
  '/api/v1/operations/{id}': 'operation',
  '/api/v1/webhooks/{id}': 'webhook',
  '/api/v1/webhook-deliveries/{id}': 'delivery',
};

/** The recipe of a route; to read something under an id of a known kind needs none. Throws for a route that nobody thought of. */
export function recipeFor(method: string, path: string): Recipe {
  const known = recipes[`${method.toUpperCase()} ${path}`];
  if (known) return known;
  const kind = Object.entries(kindsByPath).find(
    ([prefix]) => path === prefix || path.startsWith(`${prefix}/`),
  );
  if (method === 'get' && kind) return { kind: kind[1] };
  throw new Error(
    `${method.toUpperCase()} ${path} has no recipe in test/support/access-recipes.ts: add one, so that what it shows to whom is tested.`,
  );
}
