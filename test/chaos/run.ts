import { setTimeout as pause } from 'node:timers/promises';
import type { Environment } from '../../src/config.ts';
import { startGeminiStandIn } from '../support/gemini-stand-in.ts';
import { attack, takesJobs } from './attack.ts';
import { type Audit, auditLedger } from './audit.ts';
import { openClient } from './client.ts';
import type { Fault, Scene } from './fault.ts';
import { brokenInvariants, checkInvariants } from './invariants.ts';
import { acked, openLedger } from './ledger.ts';
import { planLoad } from './plan.ts';
import { startProduct } from './product.ts';
import { queuedJobs, recover } from './progress.ts';
import { createRandom } from './random.ts';
import { isGood, type Result, report } from './report.ts';
import { say } from './say.ts';
import type { Services } from './services.ts';
import { openStage } from './stage.ts';

export interface RunOptions {
  seed: number;
  jobs: number;
  injections: number;
  workers: number;
  /** Requests a second at most. */
  rate: number;
  /** Longest time that what was accepted may take after the load has ended, milliseconds. */
  drainMs: number;
}

/** One fault, from an empty database to the verdict. */
export async function runFault(fault: Fault, options: RunOptions, environment: Environment): Promise<Result> {
  const stage = await openStage(environment);
  say(`${fault.name} on ${stage.tier}, seed ${options.seed}: ${fault.says}`);
  let good = false;
  const standIn = fault.secondModel ? await startGeminiStandIn() : undefined;
  try {
    const product = await startProduct(stage, { apis: fault.apis ?? 1, workers: options.workers });
    try {
      const random = createRandom(options.seed);
      const ledger = openLedger(planLoad(random, options.jobs));
      const excesses: string[] = [];
      const scene: Scene = {
        stage,
        product,
        random,
        ledger: [...ledger],
        submit: openClient(product.url, random),
        working: (worker) => takesJobs(stage, worker),
        drained: async () => (await recover(stage.query, options.drainMs)).all,
        services: stage.services as Services,
        standIn,
        exceeded: (sentence) => void excesses.push(sentence),
      };
      const recovery = await attack(fault, scene, ledger, options);
      await settle(scene, options.drainMs);
      const audit = await judge(scene);
      fault.review?.(scene, audit);
      const result = report({ fault, stage, product, scene, audit, recovery, excesses, seed: options.seed });
      good = isGood(result);
      return result;
    } finally {
      await product.stop();
      await fault.restore?.({ stage, services: stage.services as Services });
    }
  } finally {
    await standIn?.close();
    if (!good) say(`what the processes said is in ${stage.folder}`);
    await stage.close({ keepLogs: !good });
  }
}

/** Waits until nothing moves any more, or the limit has passed: what is still unfinished then counts as stuck. */
async function settle({ stage, product, ledger }: Scene, drainMs: number): Promise<void> {
  say(`load done: ${acked(ledger).length} of ${ledger.length} accepted`);
  const end = performance.now() + drainMs;
  while (performance.now() < end) {
    const jobs = await queuedJobs(product.url());
    const rows = await brokenInvariants(stage.query, 'settled');
    if (jobs === 0 && rows.length === 0) return;
    await pause(250);
  }
}

async function judge({ stage, product, ledger }: Scene): Promise<Audit> {
  const audit = await auditLedger(stage.query, ledger);
  await checkInvariants(stage.query, audit);
  const jobs = await queuedJobs(product.url());
  // Scheduled work comes and goes; more than one of each kind can only be left over.
  if (jobs === undefined || jobs > 4)
    audit.stuck.push(`${jobs ?? 'an unknown number of'} jobs in the queues`);
  return audit;
}
