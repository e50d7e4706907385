import { parseArgs } from 'node:util';
import type { FlagOverride } from '../src/db/flags.ts';
import { flagStates, prepareFlag } from '../src/flags/evaluate.ts';
import { type FlagKey, flagKeys } from '../src/flags.ts';

const usage = `npm run bench flags [-- --rounds 20000]

Microseconds for all ${flagKeys.length} flags of one caller, from memory, each caller another one: with none, one and all of them given to a
share of callers, which is what costs a hash. Median, 99th percentile and mean of blocks of 100.`;

const block = 100;

function stored(key: FlagKey): FlagOverride {
  return {
    ...{ key, enabled: true, rollout_percent: 37, killed: false, version: 1 },
    ...{ reason: 'bench', updated_by: 'bench', updated_at: new Date() },
  };
}

function measure(shared: number, rounds: number) {
  const overrides = new Map(flagKeys.slice(0, shared).map((key) => [key, stored(key)]));
  const prepared = flagStates(overrides, {}).map(prepareFlag);
  let on = 0;
  const times: number[] = [];
  for (let round = 0; round < rounds / block; round++) {
    const callers = Array.from({ length: block }, (_, n) => ({
      ...{ id: `caller-${round}-${n}`, by: 'header' as const },
    }));
    const startedAt = performance.now();
    for (const caller of callers) for (const flag of prepared) on += Number(flag.evaluate(caller).on);
    times.push(((performance.now() - startedAt) * 1000) / block);
  }
  times.sort((a, b) => a - b);
  const rounded = (value: number) => Math.round(value * 100) / 100;
  const at = (share: number) => rounded(times[Math.floor(share * (times.length - 1))] as number);
  return {
    'flags with a share': shared,
    'p50 µs': at(0.5),
    'p99 µs': at(0.99),
    'mean µs': rounded(times.reduce((sum, time) => sum + time, 0) / times.length),
    'mean µs a flag': rounded(times.reduce((sum, time) => sum + time, 0) / times.length / flagKeys.length),
    'share on %': rounded(shared === 0 ? 0 : (on / (times.length * block * shared)) * 100),
  };
}

const { values } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '20000' }, help: { type: 'boolean', default: false } },
});
if (values.help) console.log(usage);
else {
  measure(flagKeys.length, 5000);
  console.table([0, 1, flagKeys.length].map((shared) => measure(shared, Number(values.rounds))));
}
