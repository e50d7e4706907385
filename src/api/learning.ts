import { readLearning } from '../db/experiences.ts';
import { pauseLearning, readLearningState, restoreVersion } from '../db/learning.ts';
import { findLivePolicy, listPolicyVersions } from '../db/policies.ts';
import { AppError } from '../errors.ts';
import { restorePolicy } from '../learning/policies.ts';
import { actions, stateAt, stateCount, stateKey } from '../learning/policy.ts';
import type { ApiContext } from './app.ts';
import { evaluatePolicyRoute } from './learning-evaluate.ts';
import {
  learningSchema,
  pauseRequest,
  policySchema,
  restoreRequest,
  versionSchema,
} from './learning-resource.ts';
import { type AnyRoute, route } from './route.ts';

const admin = { scope: 'admin', tag: 'admin' } as const;

export function learningRoutes(context: ApiContext): AnyRoute[] {
  const { db, queues } = context;
  return [
    route({
      ...admin,
      method: 'get',
      paths: ['/api/v1/admin/learning'],
      summary: 'Experiences, what they say of each action, and how far they are learned',
      responses: { 200: { description: 'Learning', schema: learningSchema } },
      handler: async () => ({ status: 200, body: await describeLearning(context) }),
    }),
    route({
      ...admin,
      method: 'put',
      paths: ['/api/v1/admin/learning'],
      summary: 'Pause learning, or go on at once with what came meanwhile',
      body: pauseRequest,
      responses: { 200: { description: 'Learning', schema: learningSchema } },
      handler: async ({ body, audit }) => {
        const before = await readLearningState(db);
        await pauseLearning(db, body.paused);
        audit.note({ before: { paused: before.paused }, after: body });
        if (!body.paused) await queues.enqueue('learnFromExperience', [{}]);
        return { status: 200, body: await describeLearning(context) };
      },
    }),
    route({
      ...admin,
      method: 'get',
      paths: ['/api/v1/admin/learning/policy'],
      summary: 'The policy version in force: what it would do in each state, and the versions before it',
      responses: { 200: { description: 'The policy', schema: policySchema } },
      handler: async () => ({ status: 200, body: await describePolicy(context) }),
    }),
    route({
      ...admin,
      method: 'post',
      paths: ['/api/v1/admin/learning/policy/restore'],
      summary: 'Put an earlier version in force again, as a new one; what was learned since is given up',
      body: restoreRequest,
      responses: { 200: { description: 'The new version', schema: versionSchema } },
      handler: async ({ body, audit }) => {
        const restored = await restoreVersion(db, body.version);
        if (!restored)
          throw new AppError('not_found', 'version names no version that is kept: GET …/policy lists them.');
        audit.note({ after: { restored: body.version, version: restored.number, reason: body.reason } });
        return { status: 200, body: toVersion(restored) };
      },
    }),
    evaluatePolicyRoute(context),
  ];
}

async function describeLearning({ db, config }: ApiContext) {
  const { EXPERIENCE_BUFFER_SIZE: capacity, LEARNING_POLICY: policy } = config;
  const [learning, state, live] = await Promise.all([
    readLearning(db),
    readLearningState(db),
    findLivePolicy(db, policy),
  ]);
  return {
    ...learning,
    buffer: { ...learning.buffer, capacity },
    paused: state.paused,
    batches: { planned: state.batches_planned, learned: state.batches_learned },
    policy: { name: policy, version: live && live !== 'same' ? live.number : null },
  };
}

async function describePolicy({ db, config: { LEARNING_POLICY: name } }: ApiContext) {
  const [live, versions] = await Promise.all([findLivePolicy(db, name), listPolicyVersions(db, 100)]);
  const found = live === 'same' ? undefined : live;
  const policy = found && restorePolicy(found.snapshot);
  const states = policy ? Array.from({ length: stateCount }, (_, index) => stateAt(index)) : [];
  return {
    name,
    version: found?.number ?? null,
    states: states.map((state) => {
      const probabilities = policy?.probabilities(state) ?? [];
      return {
        state: stateKey(state),
        probabilities: Object.fromEntries(actions.map((action, i) => [action, probabilities[i] ?? 0])),
      };
    }),
    versions: versions.map(toVersion),
  };
}

function toVersion<T extends { number: number }>({ number, ...version }: T) {
  return { version: number, ...version };
}
