import { removeOrphans } from '../../src/db/orphans.ts';
import type { Handler } from '../context.ts';

/** Looks for rows that belong to nothing, counts and removes them. There are none unless something is broken: that is an error. */
export const scanOrphans: Handler<'scanOrphans'> = {
  async run(_payload, { db, log }) {
    const found = (await removeOrphans(db)).filter((one) => one.found > 0);
    if (found.length > 0)
      log.error(
        { orphans: Object.fromEntries(found.map((one) => [one.kind, one.found])) },
        'rows that belonged to nothing were found and removed',
      );
  },
};
