import { extendLease } from '../../src/db/lease.ts';
import {
  type ClaimedDelivery,
  claimDelivery,
  disableIfDead,
  recordAttempt,
  releaseDelivery,
  type Verdict,
} from '../../src/db/webhook-work.ts';
import { disableWebhook } from '../../src/db/webhooks.ts';
import { AppError } from '../../src/errors.ts';
import type { Context, Handler } from '../context.ts';
import { underLease } from '../lease.ts';
import { gone, judgeAttempt } from './judge-attempt.ts';
import type { Sent } from './send-webhook.ts';

/**
 * One try to deliver. A worker that dies between sending and writing it down leaves its lease to end: then it is sent again,
 * with the same webhook-id.
 */
export const deliverWebhook: Handler<'deliverWebhook'> = {
  async run({ deliveryId }, context) {
    const { db, metrics, webhooks } = context;
    if (!webhooks) throw new AppError('internal', 'This worker has no SECRET_KEY to sign webhooks with.');
    const delivery = await claimDelivery(db, deliveryId);
    if (!delivery) return;
    const extend = () => extendLease(db, 'webhook_deliveries', delivery.token);
    const sent = await underLease(context, extend, (signal) => webhooks(delivery, signal)).catch(
      async (error) => {
        await releaseDelivery(db, delivery);
        throw error;
      },
    );
    const { retryAfter: _, ...attempt } = sent;
    const verdict = judgeAttempt(sent, delivery.tries);
    await recordAttempt(db, delivery, attempt, verdict);
    metrics.webhookAttempts.inc({ outcome: outcomeOf(sent, verdict) });
    if (verdict.status !== 'delivered') await considerDisabling(delivery, sent, context);
  },
};

function outcomeOf({ status }: Sent, verdict: Verdict): string {
  if (status === gone) return 'gone';
  return verdict.status === 'pending' ? 'retry' : verdict.status;
}

async function considerDisabling(
  { webhookId }: ClaimedDelivery,
  { status }: Sent,
  { config, db, log, metrics }: Context,
): Promise<void> {
  if (webhookId === null) return;
  if (status === gone) {
    await disableWebhook(db, webhookId, 'The receiver answered 410: it wants no more.');
    metrics.webhooksDisabled.inc({ reason: 'gone' });
    log.info({ webhookId }, 'disabled: its receiver answered 410');
  } else if (await disableIfDead(db, webhookId, config.WEBHOOK_DISABLE_DAYS)) {
    metrics.webhooksDisabled.inc({ reason: 'failing' });
    log.warn({ webhookId }, 'disabled: nothing could be delivered to it for days');
  }
}
