import { SingleBar } from 'cli-progress';
import type { Failure } from './summary.ts';

/** How far a run is, on stderr. `stop` gives the terminal back. */
export interface Progress {
  begin(files: number): void;
  /** One more file has come to its end. */
  done(failure?: Failure): void;
  say(line: string): void;
  stop(): void;
}

/** Without a terminal, a line at most so often. */
const everyMs = 5000;

export function createProgress(isTerminal: boolean): Progress {
  return isTerminal ? bar() : lines();
}

function bar(): Progress {
  let failed = 0;
  const single = new SingleBar({
    format: '  {bar} {value}/{total}  {rate}/s  eta {eta_formatted}  failed {failed}',
    ...{ stream: process.stderr, hideCursor: true, barsize: 30, clearOnComplete: true },
  });
  const rate = rateMeter();
  return {
    begin: (files) => single.start(files, 0, { rate: '–', failed }),
    done: (failure) => {
      if (failure) failed += 1;
      single.increment(1, { rate: rate(), failed });
    },
    say: (line) => process.stderr.write(`${line}\n`),
    stop: () => single.stop(),
  };
}

function lines(): Progress {
  let [done, failed, total] = [0, 0, 0];
  let told = Date.now();
  const rate = rateMeter();
  const say = (line: string) => process.stderr.write(`${line}\n`);
  return {
    begin: (files) => {
      total += files;
    },
    done: (failure) => {
      done += 1;
      const now = rate();
      if (failure) {
        failed += 1;
        say(`failed: ${failure.path}: ${failure.code}: ${failure.detail}`);
      }
      if (done < total && Date.now() - told < everyMs) return;
      told = Date.now();
      say(`${done}/${total}, ${now}/s, failed ${failed}`);
    },
    say,
    stop: () => {},
  };
}

/** Counts calls; gives their rate so far. */
function rateMeter(): () => string {
  const started = performance.now();
  let count = 0;
  return () => {
    count += 1;
    return (count / Math.max(0.001, (performance.now() - started) / 1000)).toFixed(1);
  };
}
