import type { Access, Principal } from '../access.ts';
import { isPutUnder, versionIsPutUnder } from './taxonomy-places.ts';

/** What a key may see, in SQL; `true` where it is not restricted. */
export interface AccessConditions {
  /** On `d`, a document: its collection, and where it was put. */
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
    document.push(isPutUnder(access.taxonomyPaths, bindings));
    version.push(versionIsPutUnder(access.taxonomyPaths, bindings));
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
