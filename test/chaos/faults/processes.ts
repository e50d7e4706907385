import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { allTiers, type Fault, type Scene, serverTiers } from '../fault.ts';
import type { Member } from '../product.ts';

const workersOf = ({ product }: Scene) => product.members.filter((member) => member.works);

async function restart(scene: Scene, member: Member, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  const back = await end(scene, member, signal);
  await back();
}

/** Ends the process; what is returned resolves once the next one has taken its place. */
async function end({ working }: Scene, member: Member, signal: 'SIGKILL' | 'SIGTERM') {
  const { pid } = member;
  await member.signal(signal);
  return async () => {
    await member.replaced(pid);
    if (member.works) await working(member);
  };
}

export const workerSigkill: Fault = {
  name: 'worker-sigkill',
  says: 'SIGKILL to one worker, every third time to all of them (embedded: to the whole service)',
  tiers: allTiers,
  inject: async (scene) => {
    const workers = workersOf(scene);
    const hit = scene.random.int(3) === 0 ? workers : [scene.random.pick(workers)];
    await Promise.all(hit.map((member) => restart(scene, member, 'SIGKILL')));
  },
};

export const apiSigkill: Fault = {
  name: 'api-sigkill',
  says: 'SIGKILL to the API while requests are in it',
  tiers: serverTiers,
  inject: async (scene) => {
    const { product } = scene;
    const api = product.members.find((member) => !member.works) as Member;
    await restart(scene, api, 'SIGKILL');
    await product.ready();
  },
};

/** Longer than BullMQ's lock (30 s) and the lease of a row. */
const freezeMs = 65_000;

export const workerFreeze: Fault = {
  name: 'worker-freeze',
  says: 'SIGSTOP to a worker for 65 s, beyond its lock and its leases; then it goes on as if nothing had been',
  tiers: allTiers,
  inject: async (scene) => {
    const worker = scene.random.pick(workersOf(scene));
    await worker.signal('SIGSTOP');
    await pause(freezeMs);
    await worker.signal('SIGCONT');
  },
};

export const rollingSigterm: Fault = {
  name: 'rolling-sigterm',
  says: 'SIGTERM to every process, one after another, each started again before the next',
  tiers: allTiers,
  inject: async (scene) => {
    const { product } = scene;
    for (const member of product.members) {
      await restart(scene, member, 'SIGTERM');
      await product.ready();
    }
  },
  // One goes while the other answers: what a balancer makes of it must not reach a caller.
  apis: 2,
  review: ({ ledger, exceeded, stage }, { reruns }) => {
    if (stage.tier === 'embedded') return;
    const count = (of: 'cutOff' | 'away' | 'putOff') => ledger.reduce((sum, entry) => sum + entry[of], 0);
    if (reruns > 0) exceeded(`${reruns} jobs ran again though every process could end its own`);
    if (count('cutOff') > 0) exceeded(`${count('cutOff')} requests got no reply`);
    if (count('away') > 0) exceeded(`${count('away')} requests found nobody`);
    if (count('putOff') > 0) exceeded(`${count('putOff')} requests were put off`);
  },
};

const libraries = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].map(
  (machine) => `/usr/lib/${machine}/faketime/libfaketime.so.1`,
);
const faketime = () => libraries.find((path) => existsSync(path));

export const clockSkew: Fault = {
  name: 'clock-skew',
  says: 'one worker is started again with a clock that is an hour ahead, behind, or right',
  tiers: serverTiers,
  missing: () => (faketime() ? undefined : 'libfaketime is not installed (Debian: apt-get install faketime)'),
  inject: async (scene, n) => {
    const worker = scene.random.pick(workersOf(scene));
    // Timers must go on: only the time of day is wrong.
    const skewed = (offset: string) => ({
      LD_PRELOAD: faketime() as string,
      FAKETIME: offset,
      DONT_FAKE_MONOTONIC: '1',
    });
    worker.extra = [skewed('+1h'), skewed('-1h'), {}][n % 3] as Record<string, string>;
    await restart(scene, worker, 'SIGTERM');
  },
};

/**
 * The moment between a committed effect and its job's acknowledgement is a millisecond. It is stretched from outside: the
 * queues' store takes no writes for a while, so workers commit rows and then wait to say so. Once a row has ended since,
 * everyone is killed.
 */
export const killAfterEffect: Fault = {
  name: 'kill-after-effect',
  says: 'SIGKILL to all workers between the commit of their rows and the acknowledgement of their jobs',
  tiers: serverTiers,
  ownServers: true,
  inject: async (scene) => {
    for (let attempt = 1; !(await killInGap(scene)); attempt++) {
      if (attempt === 20) throw new Error('No row ended while the store of the queues took no writes.');
      await pause(scene.random.int(300));
    }
  },
};

/** False when nothing was being worked on, so that no row ended. */
async function killInGap(scene: Scene): Promise<boolean> {
  const release = scene.stage.redis ? await pauseRedis(scene) : await lockJobs(scene);
  let back: (() => Promise<void>)[] = [];
  try {
    const before = await countEffects(scene);
    for (
      const until = performance.now() + 3000;
      back.length === 0 && performance.now() < until;
      await pause(5)
    ) {
      if ((await countEffects(scene)) === before) continue;
      back = await Promise.all(workersOf(scene).map((member) => end(scene, member, 'SIGKILL')));
    }
  } finally {
    await release();
  }
  await Promise.all(back.map((wait) => wait()));
  return back.length > 0;
}

/** Steps that are committed and whose job is then acknowledged. */
async function countEffects({ stage }: Scene): Promise<number> {
  const [row] = await stage.query<{ n: number }>(
    `select (select count(*) filter (where status in ('embedding', 'ready')) + count(*) filter (where status = 'ready') from document_versions)::int
          + (select count(*) from answers where status = 'completed')::int as n`,
  );
  return row?.n ?? 0;
}

async function pauseRedis({ stage }: Scene) {
  await stage.redis?.call('CLIENT', 'PAUSE', '60000', 'WRITE');
  return async () => void (await stage.redis?.call('CLIENT', 'UNPAUSE'));
}

/** One table alone: whoever waits for several can be part of a deadlock. */
async function lockJobs({ stage }: Scene) {
  const client = await stage.connect();
  await client.query('begin');
  await client.query('lock table bullmq.job in exclusive mode');
  return () => client.end();
}
