import type { ApiContext } from '../../src/api/app.ts';
import type { AnyRoute } from '../../src/api/route.ts';
import { routes } from '../../src/api/routes.ts';
import { createRandom, type Random } from '../chaos/random.ts';
import { recipeFor, unheard } from './access-recipes.ts';
import type { Kind, Side } from './access-sides.ts';
import type { Call, Json, Reply } from './http.ts';

const nowhere = '00000000-0000-4000-8000-000000000000';

interface Made {
  spec: AnyRoute;
  path: string;
  call: Call;
  side: Side;
  /** Whose thing `{id}` names. */
  aim: Side;
  kind: Kind | undefined;
}

/** What a walk has seen, by `METHOD path`. */
export interface Seen {
  calls: number;
  statuses: Record<string, { own: number[]; other: number[] }>;
}

interface Walk {
  calls: number;
  seed: number;
  /** How many documents the side has at this moment. */
  countOwn: (side: Side) => Promise<number>;
  /** Those who call, if not all of them do. */
  walkers?: readonly Side[];
}

/**
 * Calls every route for every side, with its own things and with the others', then goes on at random: `calls` in all for each.
 * Throws, with the seed, at the first reply that shows anything of another side.
 */
export async function walk(
  sides: readonly Side[],
  { calls, countOwn, seed, walkers = sides }: Walk,
): Promise<Seen> {
  const random = createRandom(seed);
  const seen: Seen = { calls: 0, statuses: {} };
  // Routes close over their context and use it when called: to be read, they need none.
  const declared: AnyRoute[] = routes({} as ApiContext);
  // Whose things are named matters where some can be seen.
  const whose = ({ scope }: AnyRoute) => (scope === 'read' || scope === 'write' ? [true, false] : [true]);
  const inOrder = declared.flatMap((spec) =>
    walkers.flatMap((side) => whose(spec).map((own) => ({ spec, side, own }))),
  );
  const atRandom = () => ({
    spec: random.pick(declared),
    side: random.pick(walkers),
    own: random.int(2) === 0,
  });
  const total = Math.max(calls * walkers.length, inOrder.length);
  for (let n = 0; n < total; n++) {
    const { spec, side, own } = inOrder[n] ?? atRandom();
    const aim = own ? side : random.pick(sides.filter((other) => other !== side));
    const made = make(spec, { side, aim, random, sure: n < inOrder.length });
    const reply = await side.client.call(spec.method.toUpperCase(), made.path, made.call);
    const problem =
      whatIsShown(made, reply, sides) ??
      (reply.status < 300 && wrongCount(made, reply.body, await countOwn(side)));
    if (problem)
      throw new Error(
        `seed ${seed}, call ${n}: ${side.name}, ${spec.method} ${made.path}: ${problem}\n${reply.text.slice(0, 2000)}`,
      );
    keep(made, reply);
    const name = `${spec.method.toUpperCase()} ${spec.paths[0]}`;
    const statuses = seen.statuses[name] ?? { own: [], other: [] };
    seen.statuses[name] = statuses;
    statuses[own ? 'own' : 'other'].push(reply.status);
    seen.calls++;
  }
  return seen;
}

interface Given {
  side: Side;
  aim: Side;
  random: Random;
  /** What is named must be there. */
  sure: boolean;
}

function make(spec: AnyRoute, given: Given): Made {
  const { side, aim, random } = given;
  const open = spec.scope !== 'read' && spec.scope !== 'write';
  const { kind, query, call } = open ? {} : recipeFor(spec.method, spec.paths[0]);
  const path = random
    .pick(spec.paths)
    .replace('{id}', kind ? idOf(kind, spec, given) : random.pick([nowhere, ...aim.ids.document]))
    .replace('{n}', '1')
    .replace('{v}', '1.0.0')
    .replace('{key}', 'debate_mode')
    .concat(query?.(given) ?? '');
  return { spec, path, call: call?.(given) ?? {}, side, aim, kind };
}

/** Some of its own documents it never deletes: there is something to see in the end, and, where it must be, before. */
function idOf(kind: Kind, { method }: AnyRoute, { side, aim, random, sure }: Given): string {
  const all = [...aim.ids[kind]];
  if (kind === 'document' && aim === side) {
    if (method === 'delete') return random.pick(all.filter((id) => !side.frozen.includes(id)));
    if (sure) return random.pick(side.frozen);
  }
  return random.pick(all.length > 0 ? all : [nowhere]);
}

/** A sentence; undefined when all is well. */
function whatIsShown(
  { spec, side, aim, kind }: Made,
  reply: Reply,
  sides: readonly Side[],
): string | undefined {
  if (reply.status >= 500) return `status ${reply.status}`;
  if (spec.scope === 'admin') return reply.status === 403 ? undefined : `status ${reply.status}, not 403`;
  const all = `${reply.text} ${JSON.stringify([...reply.headers])}`;
  const isProblem = reply.headers.get('content-type')?.includes('problem') ?? false;
  for (const other of sides) {
    if (other === side) continue;
    if (all.includes(other.canary)) return `shows ${other.canary}`;
    // A problem document names the path that was asked for, whosever it is.
    const shown = Object.values(other.ids).flatMap((ids) => [...ids].filter((id) => all.includes(id)));
    if (shown.length > 0 && !isProblem) return `shows ${shown[0]} of ${other.name}`;
  }
  // Of a key that stands for another request of its own nothing more is said.
  const repeated = String(reply.body?.code).startsWith('idempotency');
  if (kind && aim !== side && reply.status !== 404 && !repeated)
    return `status ${reply.status} for what is ${aim.name}'s, not 404`;
  return undefined;
}

/** Lists, hits and counts are of its own things alone; `own` is how many documents it has. */
function wrongCount({ spec, side, aim }: Made, body: Json, own: number): string | undefined {
  const isOwn = ({ metadata }: Json) => metadata.owner === side.canary;
  switch (`${spec.method} ${spec.paths[0]}`) {
    case 'get /api/v1/documents':
      return body.items.every(isOwn) ? undefined : 'lists documents of others';
    case 'get /api/v1/ingestion-batches':
      return body.items.every(({ id }: Json) => side.ids.batch.has(id))
        ? undefined
        : 'lists batches of others';
    case 'get /api/v1/answers':
      return body.items.every(({ id }: Json) => side.ids.answer.has(id))
        ? undefined
        : 'lists answers of others';
    case 'get /api/v1/webhooks':
      return body.items.every(({ id }: Json) => side.ids.webhook.has(id))
        ? undefined
        : 'lists webhooks of others';
    case 'post /api/v1/documents/delete':
      return (body.matched ?? body.receipt?.documents ?? 0) <= own ? undefined : 'counts documents of others';
    case 'get /api/v1/taxonomy/{v}/tree':
      return body.nodes.every(({ documents }: Json) => documents <= own)
        ? undefined
        : 'counts documents of others';
    case 'post /api/v1/search':
      return body.hits ? wrongSearch(body, { side, aim, own, isOwn }) : undefined;
  }
  return undefined;
}

function wrongSearch(
  { hits, query_analysis, sources_count, total_candidates }: Json,
  { side, aim, own, isOwn }: { side: Side; aim: Side; own: number; isOwn: (hit: Json) => boolean },
): string | undefined {
  if (!hits.every(isOwn)) return 'finds documents of others';
  if (Math.max(sources_count, total_candidates) > own) return 'counts documents of others';
  const idfOf = (beginning: string) =>
    query_analysis.words.find(({ word }: Json) => word.startsWith(beginning.slice(0, 9)))?.idf;
  // All of their documents hold it: to a key that sees none of them it is as rare as a word that nobody uses.
  if (aim !== side && idfOf(aim.probe) !== idfOf(unheard))
    return `weighs ${aim.probe}, a word of ${aim.name}`;
  return undefined;
}

/** Notes what the call made, for later calls. */
function keep({ spec, side, path }: Made, { status, body }: Reply): void {
  if (status >= 300 || !body) return;
  const name = `${spec.method} ${spec.paths[0]}`;
  if (name === 'post /api/v1/documents') side.ids.document.add(body.id);
  if (name === 'post /api/v1/answers' || name.endsWith('/replay')) side.ids.answer.add(body.id);
  if (name === 'post /api/v1/webhooks') side.ids.webhook.add(body.webhook.id);
  if (name.endsWith('deliveries') && body.items) for (const { id } of body.items) side.ids.delivery.add(id);
  if (name === 'post /api/v1/ingestion-batches') side.ids.batch.add(body.id);
  if (path.includes('/documents') && body.verb) side.ids.operation.add(body.id);
  if (name.startsWith('get /api/v1/documents') && body.items)
    for (const { id, external_id } of body.items) if (external_id) side.ids.document.add(id);
}
