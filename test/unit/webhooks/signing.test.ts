import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { checkDestination } from '../../../src/webhooks/destinations.ts';
import { createSealer } from '../../../src/webhooks/sealer.ts';
import { generateSigningSecret, isSigningSecret, signatureHeaders } from '../../../src/webhooks/signing.ts';
import { judgeAttempt, pauses } from '../../../workers/webhook/judge-attempt.ts';

const message = (body: string) => ({ id: 'a2f0', at: new Date(), body });

describe('signatures', () => {
  it('are those that the official library makes and verifies, whatever the text', () => {
    for (const body of ['{}', '{"a":"가나다 🙂"}', `{"long":"${'x'.repeat(100_000)}"}`]) {
      const secret = generateSigningSecret();
      const { at, id } = message(body);
      const headers = signatureHeaders({ id, at, body }, [secret]);
      expect(headers['webhook-signature']).toBe(new Webhook(secret).sign(id, at, body));
      expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
      expect(() => new Webhook(generateSigningSecret()).verify(body, headers)).toThrow();
      expect(() => new Webhook(secret).verify(`${body} `, headers)).toThrow();
    }
  });

  it('are one for each secret, so that either verifies', () => {
    const [next, last] = [generateSigningSecret(), generateSigningSecret()];
    const headers = signatureHeaders(message('{}'), [next, last]);
    expect(headers['webhook-signature'].split(' ')).toHaveLength(2);
    for (const secret of [next, last]) expect(new Webhook(secret).verify('{}', headers)).toEqual({});
  });

  it('take secrets of 24 to 64 bytes', () => {
    const of = (bytes: number) => `whsec_${randomBytes(bytes).toString('base64')}`;
    expect([24, 32, 64].map(of).every(isSigningSecret)).toBe(true);
    expect(
      [of(23), of(65), 'whsec_', 'whsec_not base64 at all, but long enough', 'x'].some(isSigningSecret),
    ).toBe(false);
  });
});

describe('sealed secrets', () => {
  it('come back under the same key alone, unchanged or not at all', () => {
    const { seal, unseal } = createSealer('a-secret-key');
    const sealed = seal('whsec_abc');
    expect(unseal(sealed)).toBe('whsec_abc');
    expect(seal('whsec_abc').equals(sealed)).toBe(false);
    expect(sealed.toString('latin1')).not.toContain('whsec_');
    expect(() => createSealer('another-key').unseal(sealed)).toThrow(/another SECRET_KEY/);
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] as number) ^ 1;
      expect(() => unseal(changed)).toThrow();
    }
  });
});

describe('what becomes of a delivery', () => {
  const verdict = (tries: number, judged: object, random = 0.5) =>
    judgeAttempt({ status: null, retryAfter: null, ...judged }, tries, () => random);

  it('is tried nine times over more than a day, with pauses that vary by a fifth', () => {
    const waits = pauses.map((_, n) => verdict(n + 1, { status: 500 }));
    expect(waits).toEqual(pauses.map((afterSeconds) => ({ status: 'pending', afterSeconds })));
    expect(verdict(pauses.length + 1, { status: 500 })).toEqual({ status: 'failed' });
    expect(pauses.reduce((sum, pause) => sum + pause * 0.8, 0)).toBeGreaterThan(20 * 3600);
    expect(verdict(2, {}, 0)).toEqual({ status: 'pending', afterSeconds: 24 });
    expect(verdict(2, {}, 1)).toEqual({ status: 'pending', afterSeconds: 36 });
  });

  it('goes by the reply', () => {
    for (const status of [200, 201, 204, 299])
      expect(verdict(1, { status })).toEqual({ status: 'delivered' });
    expect(verdict(1, { status: 410 })).toEqual({ status: 'failed' });
    for (const status of [302, 400, 404, 500]) expect(verdict(1, { status }).status).toBe('pending');
    expect(verdict(1, { status: 429, retryAfter: 90 })).toEqual({ status: 'pending', afterSeconds: 90 });
    expect(verdict(1, { status: 503, retryAfter: 1 })).toEqual({ status: 'pending', afterSeconds: 5 });
    expect(verdict(1, { status: 503, retryAfter: 1e9 })).toEqual({ status: 'pending', afterSeconds: 43_200 });
    expect(verdict(1, { status: 500, retryAfter: 90 })).toEqual({ status: 'pending', afterSeconds: 5 });
  });
});

describe('destinations', () => {
  const refusal = (url: string, reach: 'public' | 'private-too') => {
    try {
      checkDestination(new URL(url), reach);
      return undefined;
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  it.each(['https://example.org/hook?a=1', 'https://example.org:8443/'])('%s is fine', (url) => {
    expect(refusal(url, 'public')).toBeUndefined();
  });
  it.each([
    'http://example.org/',
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://[::1]/',
    'https://10.1.2.3/',
    'https://169.254.169.254/latest',
    'https://user:pass@example.org/',
    'ftp://example.org/',
  ])('%s is not', (url) => {
    expect(refusal(url, 'public')).toBe('webhook_url_refused');
  });
  it('may be our own networks where that is allowed, metadata services never', () => {
    expect(refusal('http://127.0.0.1:8080/', 'private-too')).toBeUndefined();
    expect(refusal('http://169.254.169.254/', 'private-too')).toBe('webhook_url_refused');
  });
});
