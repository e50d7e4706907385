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
 * A condition on documents `d`: it stands at one of the paths or below it, by whichever parent. A path that was renamed, moved,
 * merged or split leads to where its documents are now; one that leads nowhere lets nothing through.
 */
export function standsUnder(paths: readonly string[][], bindings: Record<string, unknown>): string {
  // Below the root is everything, whether it stands anywhere or not.
  if (paths.some((path) => path.length === 0)) return 'true';
  const branches = paths.filter(isStorable).map((path, i) => {
    bindings[`path${i}`] = path;
    return `select taxonomy_branch(:path${i}::text[])`;
  });
  if (branches.length === 0) return 'false';
  return `exists (select from document_places p where p.document_id = d.id and p.version = ${versionInForceSql}
    and p.node_id in (${branches.join(' union ')}))`;
}

/**
 * A condition on documents `d`: whoever sent it or reviewed it has put it at one of the paths or below. By the paths as they are
 * in force and by nothing else: neither the machine, nor a former name, nor a further parent lets a restricted key see more.
 */
export function isPutUnder(paths: readonly string[][], bindings: Record<string, unknown>): string {
  return putUnder('d.id', paths, bindings);
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
  return `(${said} or ${putUnder('v.document_id', paths, bindings, "p.source = 'review'")})`;
}

function putUnder(
  documentId: string,
  paths: readonly string[][],
  bindings: Record<string, unknown>,
  source = "p.source <> 'classified'",
): string {
  const under = startsWithAny(paths, { column: 'p.path', name: 'accessPath' }, bindings);
  return `exists (select from document_places p
    where p.document_id = ${documentId} and p.version = ${versionInForceSql} and ${source} and ${under})`;
}

/** Postgres keeps no NUL, so nothing stored can match one; as a parameter it is an error. */
function isStorable(path: readonly string[]): boolean {
  return path.every((label) => !label.includes('\u0000'));
}
