import { createHash } from 'node:crypto';
import { z } from 'zod';
import { createFlagProvider } from '../flags/flag-provider.ts';
import { flagKeys } from '../flags.ts';
import type { ApiContext } from './app.ts';
import { type AnyRoute, route } from './route.ts';

const request = z
  .looseObject({
    context: z
      .looseObject({ targetingKey: z.string().max(200).optional().describe('As X-Rollout-Id') })
      .default({}),
  })
  .meta({ id: 'FlagContext' });

const evaluated = z
  .object({
    key: z.string(),
    value: z.boolean(),
    variant: z.string().optional(),
    reason: z.string().optional(),
    metadata: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  })
  .meta({ id: 'EvaluatedFlag' });
const failure = z
  .object({ key: z.string(), errorCode: z.string(), errorDetails: z.string().optional() })
  .meta({ id: 'FlagEvaluationFailure' });

const path = '/ofrep/v1/evaluate/flags';
const nobody = { debug() {}, info() {}, warn() {}, error() {} };

/** The OpenFeature Remote Evaluation Protocol: our flags, for SDKs in any language. */
export function ofrepRoutes({ flags }: ApiContext): AnyRoute[] {
  const provider = createFlagProvider(flags);
  const evaluate: Evaluate = async (key, { targetingKey = '' }) => {
    const found = await provider.resolveBooleanEvaluation(key, false, { targetingKey }, nobody);
    const { value, variant, reason, flagMetadata: metadata, errorCode, errorMessage } = found;
    if (errorCode) return { failure: { key, errorCode, errorDetails: errorMessage } };
    return { evaluated: { key, value, variant, reason, metadata } };
  };
  return [oneRoute(evaluate), allRoute(evaluate)];
}

type Evaluate = (
  key: string,
  context: z.output<typeof request>['context'],
) => Promise<{ evaluated: object; failure?: never } | { failure: { errorCode: string }; evaluated?: never }>;

const shared = { method: 'post', scope: 'read', tag: 'flags', body: request } as const;
const noTarget = { 400: { description: 'Without targetingKey', schema: failure } };

function oneRoute(evaluate: Evaluate): AnyRoute {
  return route({
    ...shared,
    paths: [`${path}/{key}`],
    summary: 'What one flag is for somebody (OpenFeature Remote Evaluation Protocol)',
    params: z.strictObject({ key: z.string().max(100) }),
    responses: {
      200: { description: 'The flag', schema: evaluated },
      ...noTarget,
      404: { description: 'There is no such flag', schema: failure },
    },
    handler: async ({ params, body }) => {
      const { evaluated, failure } = await evaluate(params.key, body.context);
      if (evaluated) return { status: 200, body: evaluated };
      return { status: failure.errorCode === 'FLAG_NOT_FOUND' ? 404 : 400, body: failure };
    },
  });
}

function allRoute(evaluate: Evaluate): AnyRoute {
  return route({
    ...shared,
    paths: [path],
    summary: 'What all flags are for somebody; 304 while that is as If-None-Match has it',
    responses: {
      200: { description: 'All flags', schema: z.object({ flags: z.array(evaluated) }) },
      304: { description: 'Unchanged' },
      ...noTarget,
    },
    handler: async ({ body, raw }) => {
      const all = await Promise.all(flagKeys.map((key) => evaluate(key, body.context)));
      const failed = all.find((one) => one.failure)?.failure;
      if (failed) return { status: 400, body: failed };
      const reply = { flags: all.map((one) => one.evaluated) };
      const ETag = `"${createHash('sha256').update(JSON.stringify(reply)).digest('base64url')}"`;
      if (raw.get('if-none-match') === ETag) return { status: 304, headers: { ETag } };
      return { status: 200, body: reply, headers: { ETag } };
    },
  });
}
