import { sweepAnswers } from '../../src/db/answers.ts';
import { sweepLeftChunks } from '../../src/db/batch-changes.ts';
import { forgetDeadWorkers } from '../../src/db/heartbeats.ts';
import { sweepIdempotent } from '../../src/db/idempotency.ts';
import { sweepCache } from '../../src/db/query-cache.ts';
import { AppError, summarise } from '../../src/errors.ts';
import type { Handler } from '../context.ts';

/** Versions a run whose chunks nobody needs any more: short enough for others to come between. */
const sweptVersions = 200;

/** Ends what is too late and removes what nobody can ask for any more. */
export const sweepExpired: Handler<'sweepExpired'> = {
  async run(_payload, { config, db, log }) {
    const answers = await sweepAnswers(
      db,
      summarise(new AppError('deadline_exceeded', 'No worker finished it before its deadline.')),
    );
    const cached = await sweepCache(db, config.QUERY_CACHE_TTL_SECONDS);
    const idempotencyKeys = await sweepIdempotent(db);
    const chunks = await sweepLeftChunks(db, sweptVersions);
    await forgetDeadWorkers(db);
    if (answers.expired + answers.removed + cached + idempotencyKeys + chunks > 0)
      log.info({ ...answers, cached, idempotencyKeys, chunks }, 'swept');
  },
};
