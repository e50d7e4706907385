import { lstat, readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path';
import ignore, { type Ignore } from 'ignore';

export interface FoundFile {
  /** From the root of its source, with slashes, NFC. */
  path: string;
  full: string;
  size: number;
  mtimeMs: number;
}

export interface Walk {
  root: string;
  files: FoundFile[];
  /** Files left out on purpose, by reason. */
  skipped: Record<string, number>;
  /** What could not be looked at. */
  problems: { path: string; detail: string }[];
}

export interface WalkOptions {
  /** Patterns as in .gitignore, from the root; they win over the files. */
  ignore: readonly string[];
  /** Also hidden files and those that hold no text by their name. */
  all: boolean;
}

const ignoreFiles = ['.gitignore', '.dtragignore'];

/** Pictures, sound, archives, programs: what ingestion would refuse anyway, after it travelled. */
const withoutText = new Set(
  `png jpg jpeg gif webp bmp ico svg tif tiff heic avif psd ai mp3 wav flac ogg m4a mp4 mov avi mkv webm woff woff2 ttf otf eot
   zip gz tgz bz2 xz zst 7z rar tar jar war exe dll so dylib o a class pyc wasm bin iso dmg deb rpm db sqlite onnx lock map`.split(
    /\s+/,
  ),
);

interface Rules {
  base: string;
  rules: Ignore;
}

/** All files below a folder that nothing says to ignore, by name; or the one file that `path` is. Links are not followed. */
export async function walk(path: string, options: WalkOptions): Promise<Walk> {
  const full = resolve(path);
  const isFile = (await stat(full)).isFile();
  const found: Walk = { root: isFile ? dirname(full) : full, files: [], skipped: {}, problems: [] };
  if (isFile) await add(found, full, { ...options, all: true });
  else {
    const given: Rules = { base: full, rules: rulesOf(options.ignore.join('\n')) };
    await enter(found, full, await rulesAbove(full), given, options);
  }
  return found;
}

/** Rules of the folders around it, up to the root of its repository; none where it is in none. */
async function rulesAbove(folder: string): Promise<Rules[]> {
  const above: Rules[] = [];
  for (let at = folder; ; at = dirname(at)) {
    if (at !== folder) above.unshift(...(await rulesIn(at)));
    if (await lstat(join(at, '.git')).catch(() => undefined)) return above;
    if (dirname(at) === at) return [];
  }
}

async function rulesIn(folder: string): Promise<Rules[]> {
  const texts: string[] = [];
  for (const name of ignoreFiles) {
    const text = await readFile(join(folder, name), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'EISDIR') return '';
      throw error;
    });
    texts.push(text);
  }
  return texts.every((text) => text === '') ? [] : [{ base: folder, rules: rulesOf(texts.join('\n')) }];
}

function rulesOf(text: string): Ignore {
  return ignore({ ignorecase: false }).add(text);
}

async function enter(
  found: Walk,
  folder: string,
  above: Rules[],
  given: Rules,
  options: WalkOptions,
): Promise<void> {
  try {
    const rules = [...above, ...(await rulesIn(folder))];
    const entries = await readdir(folder, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const full = join(folder, entry.name);
      const isFolder = entry.isDirectory();
      if (isIgnored(full, isFolder, [...rules, given])) skip(found, 'ignored');
      else if (entry.name === '.git' || (!options.all && entry.name.startsWith('.'))) skip(found, 'hidden');
      else if (isFolder) await enter(found, full, rules, given, options);
      else if (entry.isFile()) await add(found, full, options);
      else skip(found, 'links and devices');
    }
  } catch (error) {
    found.problems.push({ path: pathOf(found.root, folder), detail: (error as Error).message });
  }
}

/** The innermost rule that says anything decides, as in git. */
function isIgnored(full: string, isFolder: boolean, chain: Rules[]): boolean {
  for (const { base, rules } of chain.toReversed()) {
    const { ignored, unignored } = rules.test(`${slashed(relative(base, full))}${isFolder ? '/' : ''}`);
    if (ignored || unignored) return ignored;
  }
  return false;
}

async function add(found: Walk, full: string, { all }: WalkOptions): Promise<void> {
  const path = pathOf(found.root, full);
  try {
    const { size, mtimeMs } = await stat(full);
    if (size === 0) skip(found, 'empty');
    else if (!all && withoutText.has(extname(full).slice(1).toLowerCase())) skip(found, 'without text');
    else found.files.push({ path, full, size, mtimeMs });
  } catch (error) {
    found.problems.push({ path, detail: (error as Error).message });
  }
}

function skip(found: Walk, reason: string): void {
  found.skipped[reason] = (found.skipped[reason] ?? 0) + 1;
}

function pathOf(root: string, full: string): string {
  return slashed(relative(root, full)).normalize('NFC') || basename(root);
}

const slashed = (path: string): string => path.split(sep).join('/');
