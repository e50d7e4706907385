/** SQL of where documents stand in the taxonomy; the view `document_places` knows it for every version. */

/** The version that search and new documents go by. */
export const versionInForceSql = '(select version from taxonomy_versions where in_force)';

/** Paths at which the document `d` stands in the version in force, the one that it is shown under first. */
const placesOf = (document: string) => `select p.path from document_places p
  where p.document_id = ${document}.id and p.version = ${versionInForceSql}
  order by p.rank, p.confidence desc, p.node_id`;

/** The path that a document is shown under: that given with it, else a reviewer's, else the surest of the machine's. */
export function shownPath(document: string): string {
  return `coalesce((${placesOf(document)} limit 1), '{}')`;
}

/** Whether `path` is one of the bound paths or below one. An empty list: false. */
export function startsWithAny(
  paths: readonly string[][],
  { column, name }: { column: string; name: string },
  bindings: Record<string, unknown>,
): string {
  const conditions = paths.filter(isStorable).map((path, i) => {
    bindings[`${name}${i}`] = path;
    const prefix = `:${name}${i}::text[]`;
    return `(${column})[1:cardinality(${prefix})] = ${prefix}`;
  });
  return conditions.length === 0 ? 'false' : `(${conditions.join(' or ')})`;
}

/**
 * Concepts whose documents stand at one of the nodes in the version in force, unless the version allots them elsewhere. An array
 * that depends on no row: Postgres reads it once, however many documents are held against it.
 */
function conceptsAt(nodes: string): string {
  return `array(
    with here as materialized (${nodes})
    select h.id from here h where not exists (
      select from taxonomy_redirects r where r.version = ${versionInForceSql} and r.id = h.id and r.node_id is not null)
    union all
    select r.id from taxonomy_redirects r join here h on h.id = r.node_id where r.version = ${versionInForceSql})`;
}

const allotted = (document: string, concept: string) => `t.version = ${versionInForceSql}
  and t.document_id = ${document} and t.from_id = ${concept}`;

/** Whether a document stands at one of the nodes, by what view `document_places` says; `a` is an assignment of it. */
function standsAt(documentId: string, nodes: string, source = 'true'): string {
  return `exists (
    select from document_nodes a left join taxonomy_allotments t on ${allotted('a.document_id', 'a.node_id')}
     where a.document_id = ${documentId} and ${source} and coalesce(t.node_id, a.node_id) = any(${conceptsAt(nodes)}))`;
}

/** The same as a query for `document_id`, each once: where they are few of many, it is found from the nodes on. */
function documentsAt(nodes: string, source = 'true'): string {
  return `with concepts as materialized (select ${conceptsAt(nodes)} as ids)
    select a.document_id from document_nodes a
     where a.node_id = any((select ids from concepts)::uuid[]) and ${source}
       and not exists (select from taxonomy_allotments t where ${allotted('a.document_id', 'a.node_id')})
    union
    select a.document_id from taxonomy_allotments t
      join document_nodes a on a.document_id = t.document_id and a.node_id = t.from_id
     where t.version = ${versionInForceSql} and t.node_id = any((select ids from concepts)::uuid[]) and ${source}`;
}

/**
 * A condition on documents `d`: it stands at one of the paths or below it, by whichever parent. A path that was renamed, moved,
 * merged or split leads to where its documents are now; one that leads nowhere lets nothing through.
 */
export function standsUnder(paths: readonly string[][], bindings: Record<string, unknown>): string {
  const nodes = nodesUnder(paths, bindings);
  return typeof nodes === 'boolean' ? String(nodes) : standsAt('d.id', nodes);
}

/** The documents that the condition lets through, as a query; undefined: all, whether they stand anywhere or not. */
export function documentsUnder(
  paths: readonly string[][],
  bindings: Record<string, unknown>,
): string | undefined {
  const nodes = nodesUnder(paths, bindings);
  if (nodes === true) return undefined;
  return documentsAt(nodes === false ? 'select null::uuid as id where false' : nodes);
}

function nodesUnder(paths: readonly string[][], bindings: Record<string, unknown>): string | boolean {
  // Below the root is everything, whether it stands anywhere or not.
  if (paths.some((path) => path.length === 0)) return true;
  const branches = paths.filter(isStorable).map((path, i) => {
    bindings[`path${i}`] = path;
    return `select taxonomy_branch(:path${i}::text[]) as id`;
  });
  return branches.length > 0 && branches.join(' union ');
}

/**
 * A condition on documents `d`: whoever sent it or reviewed it has put it at one of the paths or below. By the paths as they are
 * in force and by nothing else: neither the machine, nor a former name, nor a further parent lets a restricted key see more.
 */
export function isPutUnder(paths: readonly string[][], bindings: Record<string, unknown>): string {
  return putUnder('d.id', paths, bindings);
}

/** The documents that the condition lets through, as a query. */
export function documentsPutUnder(paths: readonly string[][], bindings: Record<string, unknown>): string {
  return documentsAt(nodesInForce(paths, bindings), putByPeople);
}

/** A condition on versions `v` of documents: the path that was said of it is one of these or below; or a reviewer's is. */
export function versionIsPutUnder(paths: readonly string[][], bindings: Record<string, unknown>): string {
  const under = startsWithAny(paths, { column: 'n.path', name: 'accessPath' }, bindings);
  const said = `exists (
    select from taxonomy_versions f
      left join taxonomy_allotments t on t.version = f.version and t.document_id = v.document_id and t.from_id = v.node_id
      left join taxonomy_redirects r on r.version = f.version and r.id = coalesce(t.node_id, v.node_id)
      join taxonomy_nodes n on n.version = f.version and n.id = coalesce(r.node_id, t.node_id, v.node_id)
     where f.in_force and ${under})`;
  return `(${said} or ${putUnder('v.document_id', paths, bindings, "a.source = 'review'")})`;
}

const putByPeople = "a.source <> 'classified'";

function putUnder(
  documentId: string,
  paths: readonly string[][],
  bindings: Record<string, unknown>,
  source = putByPeople,
): string {
  return standsAt(documentId, nodesInForce(paths, bindings), source);
}

/** Nodes at the paths or below, by the parents that paths go through. */
function nodesInForce(paths: readonly string[][], bindings: Record<string, unknown>): string {
  const under = startsWithAny(paths, { column: 'n.path', name: 'accessPath' }, bindings);
  return `select n.id from taxonomy_nodes n where n.version = ${versionInForceSql} and ${under}`;
}

/** Postgres keeps no NUL, so nothing stored can match one; as a parameter it is an error. */
function isStorable(path: readonly string[]): boolean {
  return path.every((label) => !label.includes('\u0000'));
}
