/** What can be told of by webhook. The database writes the deliveries: see its function `announce` (migration 0021). */
export const webhookEvents = [
  'answer.completed',
  'answer.failed',
  'answer.cancelled',
  'answer.expired',
  'document.ready',
  'document.failed',
  'ingestion_batch.completed',
  'ingestion_batch.cancelled',
  'rollout.advanced',
  'rollout.completed',
  'rollout.rolled_back',
] as const;
export type WebhookEvent = (typeof webhookEvents)[number];

/** Sent on request, whatever events the webhook wants. */
export const pingEvent = 'webhook.ping';

/** Those that a single question can end with. */
export const answerEvents = webhookEvents.filter((event) => event.startsWith('answer.'));
