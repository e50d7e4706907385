import { z } from 'zod';
import { signingSecret } from '../db/webhooks.ts';
import { checkDestination, webhookReach } from '../webhooks/destinations.ts';
import { answerEvents } from '../webhooks/events.ts';
import { createSealer } from '../webhooks/sealer.ts';
import { generateSigningSecret } from '../webhooks/signing.ts';
import type { ApiContext } from './app.ts';
import type { Caller } from './route.ts';
import { destination, secretField } from './webhook-resource.ts';

/** A webhook of one request alone. */
export const requestWebhook = z
  .strictObject({
    url: destination,
    events: z
      .array(z.enum(answerEvents as [string, ...string[]]))
      .min(1)
      .default(answerEvents),
    secret: secretField
      .optional()
      .describe("Signs it; left out: the key's own, see GET /api/v1/webhooks/signing-secret"),
  })
  .meta({ id: 'RequestWebhook' });

/**
 * As the request's row keeps it, where the database finds it when the work ends; the secret sealed. Empty without one.
 *
 * @throws AppError `webhook_url_refused`
 */
export async function keepRequestWebhook(
  { config, db, secrets }: ApiContext,
  caller: Caller,
  webhook: z.output<typeof requestWebhook> | undefined,
): Promise<{ webhook?: { url: string; events: string[]; secret: string | null } }> {
  if (!webhook) return {};
  const { events, secret, url } = webhook;
  checkDestination(new URL(url), webhookReach(config), '/webhook/url');
  const { seal } = createSealer(secrets.secretKey);
  // Made now, so that there is one when it is signed, where nobody could show it to the caller.
  if (secret === undefined) await signingSecret(db, caller.id, () => seal(generateSigningSecret()));
  return {
    webhook: { url, events, secret: secret === undefined ? null : seal(secret).toString('base64') },
  };
}
