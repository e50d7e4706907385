import { sweepAnswers } from '../../src/db/answers.ts';
import { sweepUploads } from '../../src/db/blobs.ts';
import { forgetDeadWorkers } from '../../src/db/heartbeats.ts';
import { sweepIdempotent } from '../../src/db/idempotency.ts';
import { sweepCache } from '../../src/db/query-cache.ts';
import { AppError, summarise } from '../../src/errors.ts';
import type { Handler } from '../context.ts';

/** Ends what is too late and removes what nobody can ask for any more. */
export const sweepExpired: Handler<'sweepExpired'> = {
  async run(_payload, { config, db, log }) {
    const answers = await sweepAnswers(
      db,
      summarise(new AppError('deadline_exceeded', 'No worker finished it before its deadline.')),
    );
    const cached = await sweepCache(db, config.QUERY_CACHE_TTL_SECONDS);
    const idempotencyKeys = await sweepIdempotent(db);
    const uploadParts = await sweepUploads(db);
    await forgetDeadWorkers(db);
    if (answers.expired + answers.removed + cached + idempotencyKeys + uploadParts > 0)
      log.info({ ...answers, cached, idempotencyKeys, uploadParts }, 'swept');
  },
};
