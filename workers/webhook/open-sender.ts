import type { Config } from '../../src/config.ts';
import { workerSecretKey } from '../../src/secrets.ts';
import { version } from '../../src/version.ts';
import { webhookReach } from '../../src/webhooks/destinations.ts';
import { createSealer } from '../../src/webhooks/sealer.ts';
import type { WorkerConfig } from '../config.ts';
import { createWebhookSender, type WebhookSender } from './send-webhook.ts';

/** The sender that the configuration describes; null without the key that opens the secrets it signs with. */
export async function openWebhookSender(config: Config & WorkerConfig): Promise<WebhookSender | null> {
  const secretKey = await workerSecretKey(config);
  if (secretKey === undefined) return null;
  return createWebhookSender({
    unseal: createSealer(secretKey).unseal,
    reach: webhookReach(config),
    userAgent: `DT-RAG/${version}`,
    timeoutMs: config.WEBHOOK_TIMEOUT_SECONDS * 1000,
  });
}
