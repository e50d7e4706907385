import { setTimeout as pause } from 'node:timers/promises';
import { waitFor } from '../support/wait-for.ts';
import type { Fault, Scene } from './fault.ts';
import { driveLoad } from './load.ts';
import type { Member } from './product.ts';
import { type Recovery, recover, unfinishedWork } from './progress.ts';
import type { Random } from './random.ts';
import type { RunOptions } from './run.ts';
import { say } from './say.ts';
import type { Stage } from './stage.ts';

/** A worker says in the database that it lives once it has opened everything. */
export async function takesJobs(
  { query }: Pick<Stage, 'query'>,
  worker: Member,
  withinMs = 60_000,
): Promise<void> {
  await waitFor(
    `${worker.name} takes jobs`,
    async () => {
      // The embedded database is away while its process starts.
      const alive = query<object>('select from worker_heartbeats where process like $1', [`%:${worker.pid}`]);
      // The embedded database is away while its process starts.
      return (await alive.catch(() => [])).length > 0;
    },
    { withinMs },
  );
}

/** Load and injections together; resolves when the load has ended, with the recovery from the last injection. */
export async function attack(
  fault: Fault,
  scene: Scene,
  load: Scene['ledger'],
  { injections, rate, drainMs }: RunOptions,
): Promise<Recovery> {
  const moments = chooseMoments(scene.random, load.length, injections);
  const state = { ended: 0, hungry: false };
  let running = Promise.resolve();
  let recovery: Promise<Recovery> | undefined;
  const inject = async (n: number) => {
    await workInProgress(scene, state);
    await pause(scene.random.int(300));
    say(`injection ${n + 1} of ${injections}`);
    await fault.inject(scene, n);
    state.ended++;
    if (n === injections - 1) recovery = recover(scene.stage.query, drainMs);
  };
  let reached = -1;
  let failed = false;
  // One injection at a time, and the load waits at the next moment for the one before, unless that looks for work to injure;
  // what fails in one ends the run.
  const gate = async (n: number) => {
    const which = moments.indexOf(n);
    if (which >= 0) {
      reached = which;
      running = running.then(() => inject(which));
      running.catch(() => {
        failed = true;
      });
    }
    while (state.ended < reached && !state.hungry && !failed) await pause(20);
  };
  await driveLoad(load, scene.submit, { concurrency: 8, rate, gate });
  await running;
  const measured = await recovery;
  if (!measured) throw new Error('The load ended before every injection had its turn.');
  return measured;
}

/** Rows in work that make a fault worth injecting, and how long to wait for so many. */
const backlog = 30;
const backlogMs = 1000;

/** A fault that meets an idle product proves nothing: waits for a backlog, and takes less than that when it does not come. */
async function workInProgress({ stage }: Scene, state: { hungry: boolean }): Promise<void> {
  const end = performance.now() + backlogMs;
  let size = 0;
  while (size === 0 || (size < backlog && performance.now() < end)) {
    if (performance.now() > end + 30_000) throw new Error('There is no work in progress to injure.');
    await pause(20);
    size = (await unfinishedWork(stage.query)).size;
    state.hungry = size === 0;
  }
  say(`${size} unfinished`);
}

/** Positions in the load, one in each of `count` equal stretches of its first nine tenths. */
function chooseMoments(random: Random, length: number, count: number): number[] {
  const stretch = (length * 0.9) / count;
  return Array.from({ length: count }, (_, n) => Math.floor(n * stretch + 1 + random.next() * (stretch - 1)));
}
