import { z } from 'zod';
import { readExperiences } from '../db/experiences.ts';
import { findPolicyVersion } from '../db/policies.ts';
import { AppError } from '../errors.ts';
import { toExperiences } from '../learning/learn.ts';
import { evaluatePolicy } from '../learning/off-policy.ts';
import { createPolicy, type PolicyName, policyNames, restorePolicy } from '../learning/policies.ts';
import type { Experience, Policy } from '../learning/policy.ts';
import type { ApiContext } from './app.ts';
import { type AnyRoute, route } from './route.ts';

const estimate = z.object({
  value: z.number().describe('Mean reward per decision'),
  interval: z.tuple([z.number(), z.number()]).describe('95 %'),
});

const evaluationSchema = z
  .object({
    policy: z.string(),
    version: z.int().nullable(),
    learned_from: z.int().nullable().describe('Older experiences that it has learned; null: it was given'),
    experiences: z.int().describe('Those that it is judged by, and has not learned'),
    logged: estimate.describe('What was done'),
    ips: estimate,
    snips: estimate,
    dr: estimate.describe('Doubly robust: the one to go by'),
    over_logged: estimate,
    over_fixed: estimate.describe('Against hybrid: an interval with 0 in it shows no effect'),
    effective_sample_size: z.number(),
    largest_weight: z.number(),
    warnings: z.array(z.string()),
  })
  .meta({ id: 'PolicyEvaluation' });

const request = z
  .strictObject({
    policy: z.enum(policyNames).optional().describe('Learns the older half; LEARNING_POLICY when left out'),
    version: z.int().positive().max(2_147_483_647).optional().describe('A version as it is'),
    source: z.enum(['answer', 'all']).default('answer').describe('all: ratings too'),
  })
  .refine(({ policy, version }) => policy === undefined || version === undefined, {
    error: 'give policy or version, not both',
    path: ['version'],
  })
  .meta({ id: 'PolicyEvaluationRequest' });

/** What a policy would have been worth on what was logged. It is judged by experiences that it has not learned. */
export function evaluatePolicyRoute({ db, config }: ApiContext): AnyRoute {
  return route({
    method: 'post',
    paths: ['/api/v1/admin/learning/evaluate'],
    scope: 'admin',
    tag: 'admin',
    audited: false,
    summary: 'Estimate what a policy would have been worth on what was logged',
    body: request,
    responses: { 200: { description: 'The estimates', schema: evaluationSchema } },
    handler: async ({ body }) => {
      const { version, source, policy = config.LEARNING_POLICY } = body;
      const found = version === undefined ? undefined : await findPolicyVersion(db, version);
      if (version !== undefined && !found)
        throw new AppError('not_found', 'version names no version that is kept: GET …/policy lists them.');
      const experiences = toExperiences(await readExperiences(db, source, version));
      const judged = found
        ? { policy: restorePolicy(found.snapshot), from: null, experiences }
        : learnOlderHalf(policy, experiences);
      const estimates = evaluatePolicy(judged.experiences, judged.policy);
      return { status: 200, body: { version: version ?? null, learned_from: judged.from, ...estimates } };
    },
  });
}

function learnOlderHalf(
  name: PolicyName,
  experiences: readonly Experience[],
): { policy: Policy; from: number; experiences: readonly Experience[] } {
  const from = Math.floor(experiences.length / 2);
  const policy = createPolicy(name);
  policy.update(experiences.slice(0, from));
  return { policy, from, experiences: experiences.slice(from) };
}
