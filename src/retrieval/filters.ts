import type { Filters } from './passage.ts';

/** Filters as requests have them. */
interface RequestFilters {
  canonical_in?: string[][] | undefined;
  document_ids?: string[] | undefined;
  collections?: string[] | undefined;
  metadata?: Record<string, unknown> | undefined;
}

/** canonical_in may stand beside the filters as well as in them; both must hold. */
export function toFilters(given: RequestFilters | undefined, canonical?: string[][]): Filters {
  const result: Filters = {};
  const paths = [given?.canonical_in, canonical].filter((list) => list !== undefined).map(normalised);
  if (paths.length === 1) result.canonicalIn = paths[0] as string[][];
  if (paths.length === 2) result.canonicalIn = bothPaths(paths[0] as string[][], paths[1] as string[][]);
  if (given?.document_ids) result.documentIds = given.document_ids;
  if (given?.collections) result.collections = given.collections;
  if (given?.metadata) result.metadata = given.metadata;
  return result;
}

/** Labels are stored in NFC. */
function normalised(paths: string[][]): string[][] {
  return paths.map((path) => path.map((label) => label.normalize('NFC')));
}

/** Paths under a prefix of each list: of two prefixes of one line the longer one, otherwise none. */
export function bothPaths(a: string[][], b: string[][]): string[][] {
  const startsWith = (path: string[], prefix: string[]) => prefix.every((label, i) => path[i] === label);
  return normalised(a).flatMap((x) =>
    normalised(b).flatMap((y) => (startsWith(x, y) ? [x] : startsWith(y, x) ? [y] : [])),
  );
}
