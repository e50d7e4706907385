import { announceBatches } from '../../src/db/announce-batches.ts';
import { cancelOfVoidKeys, takeDueDeliveries } from '../../src/db/webhook-work.ts';
import type { Handler } from '../context.ts';

/**
 * Jobs for the deliveries whose time has come: new ones, those to be tried again, and those whose job or worker was lost. The
 * rows say which, so it needs no other upkeep.
 */
export const nudgeWebhooks: Handler<'nudgeWebhooks'> = {
  async run(_payload, { db, enqueue }) {
    await announceBatches(db);
    await cancelOfVoidKeys(db);
    const due = await takeDueDeliveries(db);
    await enqueue(
      'deliverWebhook',
      due.map((deliveryId) => ({ deliveryId })),
    );
  },
};
