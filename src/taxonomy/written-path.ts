/** A path in one text, as restrictions of keys write it too: labels with `/` between them, their own `/` as `~1`, `~` as `~0`. */
export function writePath(path: readonly string[]): string {
  return path.map((label) => label.replaceAll('~', '~0').replaceAll('/', '~1')).join('/');
}

export function readPath(text: string): string[] {
  return text.split('/').map((label) => label.replaceAll('~1', '/').replaceAll('~0', '~'));
}
