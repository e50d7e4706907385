import { z } from 'zod';
import { AppError } from './errors.ts';

/** Where a document is that nobody puts elsewhere. */
export const defaultCollection = 'default';

/** What a restricted key may see and change. A kind that is left out does not restrict; where both are there, both must hold. */
export interface Access {
  collections?: string[];
  /** Prefixes: a document is within when its path is one of them or below one. */
  taxonomyPaths?: string[][];
  /** Tools that answers to it may call; with `*` at the end, all whose names begin so. */
  tools?: string[];
}

/** For whom something is read or changed. */
export interface Principal {
  /** The key that asks; null for the service itself. */
  keyId: string | null;
  /** Whether it is shown what other keys made: answers, batches, operations. */
  all: boolean;
  /** What of the documents it sees; undefined: everything. */
  access?: Access | undefined;
}

/** The service itself, to which nothing is hidden. */
export const system: Principal = { keyId: null, all: true };

/** Admin keys see what every key made; the others their own. */
export function principalOf({
  id,
  scope,
  access,
}: {
  id: string;
  scope: string;
  access?: Access;
}): Principal {
  return { keyId: id, all: scope === 'admin', access };
}

/** Letters of any script and digits, with . _ - between them; NFC, so that one name has one spelling. */
export const collectionName = z
  .string()
  .normalize('NFC')
  .regex(
    /^[\p{L}\p{N}][\p{L}\p{M}\p{N}._-]{0,99}$/u,
    'must be 1 to 100 letters, digits, ".", "_" or "-", the first of them a letter or a digit',
  );

const longestEntry = 1000;

/** `server.tool`, `server.*` or `*`. */
export const toolPattern = /^(?:\*|[A-Za-z0-9][\w-]{0,39}\.(?:\*|[\w./-]{1,64}\*?))$/;

export function toolMatches(pattern: string, tool: string): boolean {
  return pattern.endsWith('*') ? tool.startsWith(pattern.slice(0, -1)) : tool === pattern;
}

export function mayCallTool(access: Access | undefined, tool: string): boolean {
  return access?.tools === undefined || access.tools.some((pattern) => toolMatches(pattern, tool));
}

/** The restrictions of a key, as `permissions` of it: `collection:NAME`, `taxonomy:LABEL/LABEL` and `tool:SERVER.TOOL`. */
export const permissions = z
  .array(
    z
      .string()
      .max(longestEntry)
      .normalize('NFC')
      .refine((entry) => readEntry(entry) !== undefined, {
        error:
          'must be collection:NAME, taxonomy:LABEL/LABEL with "/" in a label written as ~1 and "~" as ~0, or tool:SERVER.TOOL',
      }),
  )
  .max(100)
  .describe(
    'What the key is restricted to: `collection:NAME` and `taxonomy:LABEL/LABEL` (`/` in a label as `~1`, `~` as `~0`), of documents; `tool:SERVER.TOOL` or `tool:SERVER.*`, of what its answers may call. Entries of one kind are alternatives, all kinds must hold; none: everything.',
  );

/** Whether a key of this scope may be restricted: what admin routes show is of everything. */
export function mayBeRestricted({ scope, permissions }: { scope: string; permissions: readonly string[] }) {
  return scope !== 'admin' || permissions.length === 0;
}

/** What stands in `errors` when it may not. */
export const unrestrictable = {
  error: "an admin key can't be restricted: leave permissions empty, or give the key another scope",
  path: ['permissions'],
};

/** Undefined: not restricted. An entry that says nothing known lets nothing through rather than everything. */
export function parseAccess(entries: readonly string[]): Access | undefined {
  if (entries.length === 0) return undefined;
  const read = entries.map(readEntry);
  if (read.includes(undefined)) return { collections: [], tools: [] };
  const collections = read.flatMap((entry) => (entry && 'collection' in entry ? [entry.collection] : []));
  const taxonomyPaths = read.flatMap((entry) => (entry && 'path' in entry ? [entry.path] : []));
  const tools = read.flatMap((entry) => (entry && 'tool' in entry ? [entry.tool] : []));
  return {
    ...(collections.length > 0 && { collections }),
    ...(taxonomyPaths.length > 0 && { taxonomyPaths }),
    ...(tools.length > 0 && { tools }),
  };
}

function readEntry(
  entry: string,
): { collection: string } | { path: string[] } | { tool: string } | undefined {
  const [kind, rest] = [entry.slice(0, entry.indexOf(':')), entry.slice(entry.indexOf(':') + 1)];
  if (kind === 'collection') {
    const { data } = collectionName.safeParse(rest);
    return data === undefined ? undefined : { collection: data };
  }
  if (kind === 'tool') return toolPattern.test(rest) ? { tool: rest } : undefined;
  if (kind !== 'taxonomy' || /[\0\p{Surrogate}]|~(?![01])/u.test(rest)) return undefined;
  const path = rest.split('/').map((label) => label.replaceAll('~1', '/').replaceAll('~0', '~'));
  return path.every((label) => label !== '') && path.length <= 20 ? { path } : undefined;
}

/** The collection of a document whose sender names none: the only one of the key, or the one for all. */
export function homeCollection(access: Access | undefined): string {
  const [only, ...others] = access?.collections ?? [];
  return only !== undefined && others.length === 0 ? only : defaultCollection;
}

/** Whether a document of this collection and path is within; `access` undefined: all are. */
export function isWithin(
  access: Access | undefined,
  document: { collection: string; taxonomyPath: readonly string[] },
): boolean {
  return whatIsOutside(access, document) === undefined;
}

/**
 * Refuses to put a document where the key may not see it. `pointer` is that of the document within the request.
 *
 * @throws AppError `forbidden`, naming the field
 */
export function refuseOutside(
  access: Access | undefined,
  document: { collection: string; taxonomyPath: readonly string[] },
  pointer = '',
): void {
  const field = whatIsOutside(access, document);
  if (field === undefined) return;
  const message =
    field === 'collection'
      ? `this key may not use the collection ${JSON.stringify(document.collection)}: name one of its own`
      : 'this key may only use taxonomy paths that its permissions name, or below them: give one of those';
  const at = `${pointer}/${field}`;
  throw new AppError('forbidden', `${at}: ${message}.`, { errors: [{ pointer: at, message }] });
}

function whatIsOutside(
  access: Access | undefined,
  { collection, taxonomyPath }: { collection: string; taxonomyPath: readonly string[] },
): 'collection' | 'taxonomy_path' | undefined {
  if (access?.collections && !access.collections.includes(collection)) return 'collection';
  const under = (prefix: readonly string[]) => prefix.every((label, i) => taxonomyPath[i] === label);
  if (access?.taxonomyPaths && !access.taxonomyPaths.some(under)) return 'taxonomy_path';
  return undefined;
}
