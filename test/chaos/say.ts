const started = performance.now();

/** What a run tells people goes to standard error: the last line on standard output is its result. */
export function say(line: string): void {
  const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(6);
  process.stderr.write(`${seconds} s  ${line}\n`);
}
