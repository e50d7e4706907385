import cliProgress from 'cli-progress';

export type Bar = cliProgress.SingleBar;

/** A bar on standard error, which leaves standard output to the result; a line every quarter of a minute where nobody watches. */
export function createBar(): Bar {
  return new cliProgress.SingleBar({
    format: '{name} {bar} {value}/{total} {eta_formatted}',
    stream: process.stderr,
    noTTYOutput: true,
    notTTYSchedule: 15_000,
  });
}
