import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';

/** What the shell could have said better. */
export class Misuse extends Error {
  constructor(sentence: string) {
    super(sentence);
    this.name = 'Misuse';
  }
}

/** Where a source lies, and what it is called: its documents are `name/path`. */
export interface Place {
  path: string;
  root: string;
  name: string;
}

/**
 * The sources that PATHs stand for: a folder, or the folder of a file. Throws Misuse for a PATH that isn't there, for two folders
 * of one name, whose documents would replace each other, and for pruning by a single file.
 */
export async function findPlaces(
  paths: readonly string[],
  { name, prune }: { name: string | undefined; prune: boolean },
): Promise<Place[]> {
  if (name !== undefined && paths.length > 1) throw new Misuse('--name belongs to one PATH.');
  const places: Place[] = [];
  for (const path of paths) {
    const full = resolve(path);
    const found = await stat(full).catch((error: NodeJS.ErrnoException) => {
      throw new Misuse(`${path} can't be read: ${error.code}.`);
    });
    if (prune && found.isFile()) throw new Misuse(`--prune belongs to a folder, and ${path} is a file.`);
    const root = found.isFile() ? dirname(full) : full;
    places.push({ path, root, name: (name ?? basename(root)).normalize('NFC') });
  }
  for (const { name: own, root } of places) {
    if (own === '') throw new Misuse(`${root} has no name: give one with --name.`);
    if (places.some((other) => other.name === own && other.root !== root))
      throw new Misuse(`Two folders are called ${own}: run them one by one, each with a --name of its own.`);
  }
  return places;
}
