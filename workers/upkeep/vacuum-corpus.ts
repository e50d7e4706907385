import { vacuumCorpus as vacuum } from '../../src/db/vacuum.ts';
import type { Handler } from '../context.ts';

/** Keeps the planner and index-only scans right where no autovacuum does. */
export const vacuumCorpus: Handler<'vacuumCorpus'> = {
  async run(_payload, { config, db, log }) {
    if (config.tier !== 'embedded') return;
    const started = performance.now();
    if (await vacuum(db)) log.info({ ms: Math.round(performance.now() - started) }, 'vacuumed');
  },
};
