import { createInterface } from 'node:readline/promises';
import { deleteDocument, type RemoteDocument, type Service } from './client.ts';
import type { Progress } from './progress.ts';
import { externalId } from './source.ts';
import type { Walk } from './walk.ts';

export interface PruneOptions {
  yes: boolean;
  dryRun: boolean;
  progress: Progress;
}

/**
 * Removes what the service has of a source and the folder no longer has; returns how many. Only documents that this program
 * sent for the source count. Nothing is removed after a walk that could not see all, or saw nothing: that is a folder that is
 * not mounted more often than one that is meant to be empty.
 */
export async function prune(
  service: Service,
  { name, remote, walk }: { name: string; remote: Map<string, RemoteDocument>; walk: Walk },
  { dryRun, progress, yes }: PruneOptions,
): Promise<number> {
  if (walk.problems.length > 0 || walk.files.length === 0) {
    const why = walk.files.length === 0 ? 'it has no files' : 'not all of it could be read';
    progress.say(`Nothing of ${name} is removed: ${why}.`);
    return 0;
  }
  const there = new Set(walk.files.map(({ path }) => externalId(name, path)));
  const gone = [...remote].filter(([id, { metadata }]) => !there.has(id) && metadata.source === name);
  if (gone.length === 0) return 0;
  progress.say(`${gone.length} of ${remote.size} documents of ${name} are no longer there:`);
  for (const [id] of gone.slice(0, 10)) progress.say(`  ${id}`);
  if (gone.length > 10) progress.say(`  … and ${gone.length - 10} more`);
  if (dryRun) return gone.length;
  if (!yes && !(await agreed(service.signal))) return 0;
  for (const [, { id }] of gone) await deleteDocument(service, id);
  return gone.length;
}

async function agreed(signal: AbortSignal): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question('Remove them? [y/N] ', { signal })).trim());
  } finally {
    terminal.close();
  }
}
