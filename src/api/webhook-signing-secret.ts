import { z } from 'zod';
import { rotateSigningSecret, signingSecret } from '../db/webhooks.ts';
import { createSealer } from '../webhooks/sealer.ts';
import { generateSigningSecret } from '../webhooks/signing.ts';
import type { ApiContext } from './app.ts';
import { type AnyRoute, route } from './route.ts';
import { overlap, webhooksPath } from './webhook-resource.ts';

const schema = z.object({ secret: z.string() }).meta({ id: 'SigningSecret' });
const path = `${webhooksPath}/signing-secret` as const;
const unkept = { 'Cache-Control': 'no-store' };

/** The key's own secret, which signs the webhooks that its requests name. */
export function signingSecretRoutes({ db, secrets }: ApiContext): AnyRoute[] {
  const sealer = () => createSealer(secrets.secretKey);
  return [
    route({
      method: 'get',
      paths: [path],
      scope: 'read',
      tag: 'webhooks',
      summary: "The key's secret for webhooks that requests name; made when first asked for",
      responses: { 200: { description: 'The secret', schema } },
      handler: async ({ caller }) => {
        const { seal, unseal } = sealer();
        const sealed = await signingSecret(db, caller.id, () => seal(generateSigningSecret()));
        return { status: 200, body: { secret: unseal(sealed) }, headers: unkept };
      },
    }),
    route({
      method: 'post',
      paths: [`${path}/rotate`],
      scope: 'write',
      tag: 'webhooks',
      summary: 'A new one; for a while the old one signs as well',
      body: overlap,
      responses: { 200: { description: 'Rotated', schema } },
      handler: async ({ body, caller }) => {
        const secret = body.secret ?? generateSigningSecret();
        await rotateSigningSecret(db, caller.id, sealer().seal(secret), body.overlap_seconds);
        return { status: 200, body: { secret }, headers: unkept };
      },
    }),
  ];
}
