import { parseArgs } from 'node:util';
import { SingleBar } from 'cli-progress';
import { ConfigError, loadEnvFile, readConfig } from './config.ts';
import type { Database } from './db/connect.ts';
import { liveWorkers } from './db/heartbeats.ts';
import { type MovedSum, type MoveProgress, MoveRefused, moveRows } from './db/move.ts';
import { openSource, openTarget, type Place, parsePlace } from './move-places.ts';
import { planSecret, type SecretPlan } from './move-secret.ts';

const usage = `npm run move -- --from embedded:DIR|postgresql://… --to postgresql://…|embedded:DIR

Copies everything from one database into another, empty one, and compares the two. The source is not changed. Stop what
writes to it first. A password may be given by PGPASSWORD instead of in the URL.
`;

/** Whether the target holds exactly what the source holds. */
async function run(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      from: { type: 'string' },
      to: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return true;
  }
  const from = parsePlace('from', values.from);
  const to = parsePlace('to', values.to);
  loadEnvFile();
  const secret = await planSecret(from, to, readConfig(undefined, 'migration').SECRET_KEY);
  const source = await openSource(from);
  try {
    await warnOfWorkers(from, source);
    const target = await openTarget(to);
    try {
      return await move(source, target, secret);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function move(source: Database, target: Database, secret: SecretPlan): Promise<boolean> {
  const progress = createProgress();
  const sums = await moveRows(source.db, target.db, progress).finally(progress.stop);
  process.stdout.write(`${describeSums(sums)}\n\n`);
  if (!sums.every(({ same }) => same)) {
    process.stderr.write('The copy differs from its source. Nothing of it was kept.\n');
    return false;
  }
  await secret.carryOut();
  const advice = [...secret.advice, 'Unfinished work is taken up by the first worker within a minute.'];
  process.stdout.write(`Everything was moved. The source is as it was.\n${advice.join('\n')}\n`);
  return true;
}

/** A source that is still at work goes on changing after the snapshot. */
async function warnOfWorkers(place: Place, { db }: Database): Promise<void> {
  const workers = place.directory === undefined ? await liveWorkers(db) : [];
  if (workers.length > 0)
    process.stderr.write(
      `${workers.length} worker processes are at work on the source: what is accepted from now on is not moved.\n`,
    );
}

function createProgress(): MoveProgress & { stop(): void } {
  const bar = new SingleBar({
    format: '  {bar} {value}/{total} rows  {table}',
    stream: process.stderr,
    hideCursor: true,
    barsize: 30,
    noTTYOutput: true,
    notTTYSchedule: 15_000,
  });
  return {
    begin: (rows) => bar.start(rows, 0, { table: '' }),
    copied: (table, rows) => bar.increment(rows, { table }),
    comparing: (table) => bar.update({ table: `comparing ${table}` }),
    stop: () => bar.stop(),
  };
}

function describeSums(sums: readonly MovedSum[]): string {
  const lines = [
    ['table', 'source', 'target', 'checksum', ''],
    ...sums.map(({ table, source, target, same }) => [
      table,
      String(source.rows),
      String(target.rows),
      same ? source.checksum : `${source.checksum} ≠ ${target.checksum}`,
      same ? 'same' : 'DIFFERENT',
    ]),
  ];
  const widths = [0, 1, 2, 3, 4].map((n) => Math.max(...lines.map((line) => line[n]?.length ?? 0)));
  const cell = (text: string, n: number) =>
    n === 1 || n === 2 ? text.padStart(widths[n] ?? 0) : text.padEnd(widths[n] ?? 0);
  return lines.map((line) => line.map(cell).join('  ').trimEnd()).join('\n');
}

try {
  process.exitCode = (await run()) ? 0 : 1;
} catch (error) {
  const expected = error instanceof ConfigError || error instanceof MoveRefused;
  process.stderr.write(`${expected ? error.message : (error as Error).stack}\n`);
  process.exitCode = 1;
}
