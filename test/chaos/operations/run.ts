import { setTimeout as pause } from 'node:timers/promises';
import { type GeminiStandIn, startGeminiStandIn } from '../../support/gemini-stand-in.ts';
import { createClient, type Json } from '../../support/http.ts';
import { takesJobs } from '../attack.ts';
import type { Audit } from '../audit.ts';
import { brokenInvariants } from '../invariants.ts';
import { adminKey, type Product, startProduct } from '../product.ts';
import { queuedJobs } from '../progress.ts';
import { createRandom, type Random } from '../random.ts';
import { say } from '../say.ts';
import type { Stage } from '../stage.ts';
import { openCaller, type Tries } from './caller.ts';
import { perform } from './client.ts';
import { Model } from './model.ts';
import { judgeOperations } from './verdict.ts';

export interface OperationsOptions {
  seed: number;
  operations: number;
  clients: number;
  /** How often workers are killed meanwhile (embedded: the whole service). */
  kills: number;
  workers: number;
  drainMs: number;
}

export interface OperationsResult extends Tries {
  audit: Audit;
  seconds: number;
  /** Seconds from the end of the load until nothing moved any more. */
  settled: number;
  /** By kind of step. */
  done: Record<string, number>;
  /** Passages that the model was asked for, and how many of those it had been asked for before. */
  paid: number;
  paidTwice: number;
  receipts: Json;
}

/** Random adds, updates, restores and deletes by many clients while workers are killed, and what is there afterwards. */
export async function runOperations(
  stage: Pick<Stage, 'tier' | 'folder' | 'environment' | 'query'>,
  options: OperationsOptions,
): Promise<OperationsResult> {
  const standIn = await startGeminiStandIn();
  const more = {
    ...{ EMBEDDING_PROVIDER: 'gemini', EMBEDDING_DIMENSIONS: '64' },
    ...{ GEMINI_API_KEY: 'a-key-for-the-stand-in', GEMINI_BASE_URL: standIn.url },
  };
  const product = await startProduct(stage, { apis: 1, workers: options.workers, more }).catch(
    async (error) => {
      await standIn.close();
      throw error;
    },
  );
  try {
    const started = performance.now();
    const random = createRandom(options.seed);
    const load = await drive(stage, product, random, options);
    const loaded = performance.now();
    await settle(stage, product, options.drainMs);
    const orphans = await readOrphans(product);
    const audit = await judgeOperations(stage.query, load.models, orphans);
    const [receipts] = await stage.query<Json>(
      `select count(*)::int as operations, sum((receipt->>'documents')::int)::int as documents, sum((receipt->>'versions')::int)::int as versions,
              sum((receipt->>'chunks')::int)::int as chunks, sum((receipt->>'vectors')::int)::int as vectors,
              sum((receipt->>'residual')::int)::int as residual from operations`,
    );
    return {
      ...load.tries,
      ...{ audit, done: load.done, receipts, ...countPaid(standIn) },
      seconds: Math.round((loaded - started) / 1000),
      settled: Math.round((performance.now() - loaded) / 1000),
    };
  } finally {
    await product.stop();
    await standIn.close();
  }
}

async function drive(
  stage: Pick<Stage, 'query'>,
  product: Product,
  random: Random,
  { operations, clients, kills }: OperationsOptions,
) {
  const tries: Tries = { cutOff: 0, putOff: 0 };
  const done: Record<string, number> = {};
  const call = openCaller(product.url, tries);
  const seeds = Array.from({ length: clients }, () => random.int(2 ** 31));
  const models = seeds.map((seed, n) => new Model(`client-${n}`, createRandom(seed)));
  let begun = 0;
  let killed = Promise.resolve();
  const lane = async (model: Model) => {
    while (begun < operations) {
      // One kill at a time, at equal distances; requests go on meanwhile.
      if (++begun % Math.ceil(operations / (kills + 1)) === 0) {
        killed = killed.then(() => kill(stage, product, random));
        // What fails in one is told at the end.
        killed.catch(() => undefined);
      }
      const step = model.plan();
      await perform(call, model, step);
      done[step.kind] = (done[step.kind] ?? 0) + 1;
      if (begun % 500 === 0) say(`${begun} operations`);
    }
  };
  await Promise.all(models.map(lane));
  await killed;
  return { tries, done, models };
}

/** Longest time that a worker may take to start on a machine with much else to do. */
const startMs = 300_000;

async function kill(stage: Pick<Stage, 'query'>, { members }: Product, random: Random): Promise<void> {
  const workers = members.filter(({ works }) => works);
  const hit = random.int(3) === 0 ? workers : [random.pick(workers)];
  await Promise.all(
    hit.map(async (member) => {
      const { pid } = member;
      await member.signal('SIGKILL');
      await member.replaced(pid);
      await takesJobs(stage, member, startMs);
    }),
  );
}

/** Waits until nothing moves any more; what is still unfinished when the limit has passed is the verdict's to find. */
async function settle({ query }: Pick<Stage, 'query'>, product: Product, drainMs: number): Promise<void> {
  const end = performance.now() + drainMs;
  while (performance.now() < end) {
    const jobs = await queuedJobs(product.url());
    if (jobs === 0 && (await brokenInvariants(query, 'settled')).length === 0) return;
    await pause(250);
  }
}

async function readOrphans(product: Product): Promise<Record<string, number>> {
  const { body } = await createClient(product.url(), adminKey).get('/api/v1/admin/orphans');
  return Object.fromEntries(body.items.map(({ kind, found }: Json) => [kind, found]));
}

function countPaid({ requests }: GeminiStandIn): { paid: number; paidTwice: number } {
  const texts = requests.flatMap(({ body }) =>
    (body.requests ?? []).map(({ content }) => content.parts.map(({ text }) => text).join('')),
  );
  return { paid: texts.length, paidTwice: texts.length - new Set(texts).size };
}
