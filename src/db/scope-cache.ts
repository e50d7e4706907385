import type { ChunkSet } from './chunk-set.ts';

/** What filters left of one state of corpus and taxonomy. */
export interface KnownScope {
  corpusVersion: number;
  taxonomyVersion: string | null;
  seqs: number[] | undefined;
  /** Undefined where they were not all listed, and where they lie too far apart. */
  set: ChunkSet | undefined;
  /** Why not all were listed, where they were not. */
  unlisted?: 'too many' | 'not yet' | undefined;
  /** Whether another search found it still to be so. */
  used: boolean;
}

/**
 * What filters leave, kept in a process' memory up to a bound, those longest unused forgotten first. It is looked up under the
 * filters with the restrictions of the key, and only believed by a statement that sees the versions it was made of in force: every
 * change of what can be found makes another version (`changeCorpus`), so nothing in it outlives a delete.
 */
export interface ScopeCache {
  get(key: string): KnownScope | undefined;
  set(key: string, scope: KnownScope): void;
}

export function createScopeCache(mostBytes: number): ScopeCache {
  const kept = new Map<string, KnownScope>();
  let bytes = 0;
  const forget = (key: string) => {
    const scope = kept.get(key);
    if (scope) bytes -= sizeOf(key, scope);
    kept.delete(key);
    return scope;
  };
  return {
    get: (key) => {
      const scope = forget(key);
      if (scope) keep(key, scope);
      return scope;
    },
    set: (key, scope) => {
      forget(key);
      keep(key, scope);
      for (const oldest of kept.keys()) {
        if (bytes <= mostBytes) return;
        forget(oldest);
      }
    },
  };

  function keep(key: string, scope: KnownScope): void {
    bytes += sizeOf(key, scope);
    kept.set(key, scope);
  }
}

/** Numbers in an array take eight bytes; the rest of an entry is little. */
function sizeOf(key: string, { seqs, set }: KnownScope): number {
  return 256 + 2 * key.length + 8 * (seqs?.length ?? 0) + (set?.bits.length ?? 0);
}
