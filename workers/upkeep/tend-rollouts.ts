import { foldObservations } from '../../src/db/rollout-sums.ts';
import { listUnendedRollouts } from '../../src/db/rollouts.ts';
import { tendRollout } from '../../src/rollouts/tend-rollout.ts';
import type { Handler } from '../context.ts';

/** Every rollout that has not ended: rolled back where a guard is broken, advanced where it goes on by itself. */
export const tendRollouts: Handler<'tendRollouts'> = {
  async run(_payload, { db, log, metrics, signal }) {
    for (const rollout of await listUnendedRollouts(db)) {
      signal.throwIfAborted();
      await foldObservations(db, rollout.id);
      const move = await tendRollout(db, rollout);
      if (!move) continue;
      metrics.rolloutMoves.inc({ move, by: 'itself' });
      const { id, name, stage } = rollout;
      log[move === 'advance' ? 'info' : 'error']({ rollout: id, name, stage, move }, 'a rollout was moved');
    }
  },
};
