import { allTiers, type Fault } from '../fault.ts';
import { runOperations } from '../operations/run.ts';
import type { Result } from '../report.ts';
import { say } from '../say.ts';
import { openStage } from '../stage.ts';

const most = 20;
const clients = 8;

export const randomOperations: Fault = {
  name: 'random-operations',
  says: 'eight clients add, change, restore and delete documents at random, workers are killed meanwhile; compared with what each client knows',
  tiers: allTiers,
  inject: async () => undefined,
  run: async ({ seed, jobs, injections, workers, drainMs }, environment): Promise<Result> => {
    const stage = await openStage(environment);
    say(`random-operations on ${stage.tier}, seed ${seed}`);
    let good = false;
    try {
      const options = { seed, operations: jobs, clients, kills: injections, workers, drainMs };
      const { audit, settled, ...figures } = await runOperations(stage, options);
      for (const kind of ['lost', 'doubled', 'phantom', 'stuck'] as const)
        for (const line of audit[kind].slice(0, most)) say(`${kind}: ${line}`);
      say(JSON.stringify(figures));
      const { lost, doubled, phantom, stuck, reruns } = audit;
      good = lost.length + doubled.length + phantom.length + stuck.length === 0;
      return {
        ...{ fault: 'random-operations', tier: stage.tier, seed, acked: jobs, reruns, recovery_s: settled },
        ...{ lost: lost.length, doubled: doubled.length, phantom: phantom.length, stuck: stuck.length },
      };
    } finally {
      if (!good) say(`what the processes said is in ${stage.folder}`);
      await stage.close({ keepLogs: !good });
    }
  },
};
