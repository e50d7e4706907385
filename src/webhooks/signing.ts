import { createHmac, randomBytes } from 'node:crypto';

const prefix = 'whsec_';

/** A secret as Standard Webhooks 1.0 writes it: `whsec_` and 32 random bytes in base64. */
export function generateSigningSecret(): string {
  return `${prefix}${randomBytes(32).toString('base64')}`;
}

/** Whether it is a secret that verifiers read: 24 to 64 bytes in base64 after `whsec_`. */
export function isSigningSecret(secret: string): boolean {
  if (!secret.startsWith(prefix)) return false;
  const bytes = keyOf(secret);
  return bytes.length >= 24 && bytes.length <= 64 && bytes.toString('base64') === secret.slice(prefix.length);
}

export interface SignedMessage {
  /** The same at every try of a delivery: receivers know repetitions by it. */
  id: string;
  /** Of this try. */
  at: Date;
  body: string;
}

/**
 * The three headers of a delivery, with a signature for each secret: `v1,` and the HMAC-SHA-256 of `id.timestamp.body` in
 * base64, as https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md has it.
 */
export function signatureHeaders({ id, at, body }: SignedMessage, secrets: readonly string[]) {
  const timestamp = String(Math.floor(at.getTime() / 1000));
  const signatures = secrets.map(
    (secret) =>
      `v1,${createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest('base64')}`,
  );
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  };
}

function keyOf(secret: string): Buffer {
  return Buffer.from(secret.slice(prefix.length), 'base64');
}
