import type { Access, Principal } from '../access.ts';

/** Postgres keeps no NUL, so nothing stored can match one; as a parameter it is an error. */
const storable = (text: string) => !text.includes('\u0000');

/** A condition on a column of taxonomy paths: it begins with one of these. An empty list lets nothing through. */
export function startsWithAny(
  paths: readonly string[][],
  { column, name }: { column: string; name: string },
  bindings: Record<string, unknown>,
): string {
  const prefixes = paths.filter((path) => path.every(storable));
  const conditions = prefixes.map((path, i) => {
    bindings[`${name}${i}`] = path;
    const prefix = `:${name}${i}::text[]`;
    // The containment is implied; it is what the index on taxonomy_path can answer.
    return `(${column} @> ${prefix} and (${column})[1:cardinality(${prefix})] = ${prefix})`;
  });
  return conditions.length === 0 ? 'false' : `(${conditions.join(' or ')})`;
}

/** What a key may see, in SQL; `true` where it is not restricted. */
export interface AccessConditions {
  /** On `d`, a document: its collection, and the path that it is found under. */
  document: string;
  /** On `v`, one of its versions: the path that was said of that one. */
  version: string;
  /** On `d`: both of its newest version. What may be changed or deleted. */
  whole: string;
  bindings: Record<string, unknown>;
}

/** The one place where restrictions of keys become SQL. Whoever reads a version of a document asks for both conditions. */
export function maySee(access: Access | undefined): AccessConditions {
  const bindings: Record<string, unknown> = {};
  const document: string[] = [];
  const version: string[] = [];
  if (access?.collections) {
    bindings.accessCollections = access.collections;
    document.push('d.collection = any(:accessCollections::text[])');
  }
  if (access?.taxonomyPaths) {
    const under = (column: string) =>
      startsWithAny(access.taxonomyPaths ?? [], { column, name: 'accessPath' }, bindings);
    document.push(under('d.taxonomy_path'));
    version.push(under(`array(select jsonb_array_elements_text(v.attributes->'taxonomy_path'))`));
  }
  const newest = `exists (select from document_versions v
    where v.document_id = d.id and v.version = d.version and ${all(version)})`;
  return {
    document: all(document),
    version: all(version),
    whole: all(version.length === 0 ? document : [...document, newest]),
    bindings,
  };
}

function all(conditions: readonly string[]): string {
  return conditions.length === 0 ? 'true' : `(${conditions.join(' and ')})`;
}

/** A condition on the column of the key that made a row: whether the principal is shown it. Binds `owner`. */
export function ownedBy(
  { keyId, all: seesAll }: Principal,
  column: string,
): { sql: string; bindings: Record<string, unknown> } {
  if (seesAll) return { sql: 'true', bindings: {} };
  return { sql: `${column} = :owner::uuid`, bindings: { owner: keyId } };
}
