import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { AppError } from '../errors.ts';

const [nonceBytes, tagBytes] = [12, 16];

/** Keeps secrets that have to be read again, unlike API keys: sealed in the database, useless without SECRET_KEY. */
export interface Sealer {
  seal(secret: string): Buffer;
  /** @throws AppError `internal` when it was sealed under another SECRET_KEY, or changed since */
  unseal(sealed: Buffer): string;
}

/** AES-256-GCM (NIST SP 800-38D) under a key derived from SECRET_KEY by HKDF (RFC 5869); a random nonce before each text. */
export function createSealer(secretKey: string): Sealer {
  const key = Buffer.from(hkdfSync('sha256', secretKey, '', 'webhook signing secrets', 32));
  return {
    seal: (secret) => {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', key, nonce);
      const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), text]);
    },
    unseal: (sealed) => {
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceBytes), {
        authTagLength: tagBytes,
      });
      decipher.setAuthTag(sealed.subarray(nonceBytes, nonceBytes + tagBytes));
      try {
        const text = decipher.update(sealed.subarray(nonceBytes + tagBytes));
        return Buffer.concat([text, decipher.final()]).toString('utf8');
      } catch (cause) {
        throw new AppError('internal', 'A webhook secret was sealed under another SECRET_KEY: rotate it.', {
          cause,
        });
      }
    },
  };
}
