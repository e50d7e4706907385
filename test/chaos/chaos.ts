import { Command } from 'commander';
import { type Environment, readConfig } from '../../src/config.ts';
import type { Fault } from './fault.ts';
import { faults } from './faults.ts';
import { runNaive } from './naive.ts';
import { isGood, type Result } from './report.ts';
import { type RunOptions, runFault } from './run.ts';
import { say } from './say.ts';
import { findServices } from './services.ts';

/** Why the fault can't be had here; undefined when it can. */
function obstacle(fault: Fault, environment: Environment): string | undefined {
  const { tier } = readConfig(environment);
  if (!fault.tiers.includes(tier)) return `does not exist on the ${tier} tier`;
  if (fault.ownServers && !findServices(environment))
    return 'stops servers: set SERVICES_DIR to the folder of .ci/services whose servers the URLs name';
  return fault.missing?.();
}

function list(): string {
  return faults
    .map(({ name, tiers, says }) => `${name.padEnd(24)} ${tiers.join(', ')}\n  ${says}\n`)
    .join('');
}

interface Options {
  fault?: string;
  list: boolean;
  naive: boolean;
  seed: string;
  jobs: string;
  injections: string;
  workers: string;
  rate: string;
  drain: string;
}

const program = new Command('chaos')
  .description(
    'Kills, freezes and empties things under load, then compares what was accepted with what is there.',
  )
  .option('--fault <name>', 'one fault; without it, every one of the tier')
  .option('--list', 'the faults and the tiers they exist on', false)
  .option('--naive', 'a deliberately naive queue instead of the product: must lose or double work', false)
  .option('--seed <n>', 'what is random follows from it', '1')
  .option('--jobs <n>', 'requests', '500')
  .option('--injections <n>', 'times the fault is injected', '8')
  .option('--workers <n>', 'worker processes', '2')
  .option(
    '--rate <n>',
    'requests a second at most: beyond what the machine can do, recovery shows its speed',
    '12',
  )
  .option('--drain <seconds>', 'longest time that accepted work may take after the load', '300');
const options = program.parse().opts<Options>();
const { DATABASE_URL, REDIS_URL, SERVICES_DIR } = process.env;
const environment = { DATABASE_URL, REDIS_URL, SERVICES_DIR };
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
if (options.list) process.stdout.write(list());
else process.exitCode = await main();

/** Exit code: 0 all good, 1 the product is not, 2 there was nothing to run. */
async function main(): Promise<number> {
  const wanted = faults.filter(({ name }) => options.fault === undefined || name === options.fault);
  const run: RunOptions = {
    seed: Number(options.seed),
    jobs: Number(options.jobs),
    injections: Number(options.injections),
    workers: Number(options.workers),
    rate: Number(options.rate),
    drainMs: Number(options.drain) * 1000,
  };
  const results: (Result | undefined)[] = [];
  for (const fault of wanted) {
    const reason = obstacle(fault, environment);
    if (reason) say(`${fault.name} skipped: ${reason}`);
    else {
      const result = await attempt(fault, run);
      results.push(result);
      if (result) process.stdout.write(`${JSON.stringify(result)}\n`);
    }
  }
  if (results.length === 0) return 2;
  return results.every((result) => result && isGood(result)) ? 0 : 1;
}

/** Undefined when the run itself failed: the next fault has its turn nevertheless. */
async function attempt(fault: Fault, run: RunOptions): Promise<Result | undefined> {
  try {
    if (options.naive) return await runNaive(fault, run, environment);
    return await (fault.run?.(run, environment) ?? runFault(fault, run, environment));
  } catch (error) {
    say(`${fault.name} could not be run to its end: ${(error as Error).stack}`);
    return undefined;
  }
}
