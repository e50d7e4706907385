import { createHash } from 'node:crypto';
import { appendFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const entrySchema = z.object({
  path: z.string(),
  size: z.number(),
  mtimeMs: z.number(),
  /** sha256 of the content as it was sent. */
  hash: z.string(),
  /** Of what was said of it beside its content. */
  attributes: z.string(),
  id: z.string(),
  version: z.int(),
});
export type Entry = z.output<typeof entrySchema>;

/** What this machine remembers of a source: only to save work, so nothing is lost with it. */
export interface State {
  get(path: string): Entry | undefined;
  /** On disk when it resolves: a run that is killed is taken up from here. */
  put(entry: Entry): Promise<void>;
}

/** @param identity what tells sources apart: service, folder, name, and the collection unless it is `default` */
export async function openState(folder: string, identity: readonly string[]): Promise<State> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const name = createHash('sha256').update(identity.join('\0')).digest('hex').slice(0, 32);
  const file = join(folder, `${name}.ndjson`);
  const entries = await read(file);
  // Written anew at each start: without what was superseded, and without the half line that a killed run left.
  await writeFile(`${file}.${process.pid}`, [...entries.values()].map(line).join(''), { mode: 0o600 });
  await rename(`${file}.${process.pid}`, file);
  return {
    get: (path) => entries.get(path),
    put: async (entry) => {
      entries.set(entry.path, entry);
      await appendFile(file, line(entry));
    },
  };
}

const line = (entry: Entry): string => `${JSON.stringify(entry)}\n`;

async function read(file: string): Promise<Map<string, Entry>> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const entries = text.split('\n').flatMap((row) => {
    const { data } = entrySchema.safeParse(parse(row));
    return data ? [data] : [];
  });
  return new Map(entries.map((entry) => [entry.path, entry]));
}

function parse(row: string): unknown {
  try {
    return JSON.parse(row);
  } catch {
    return undefined;
  }
}
