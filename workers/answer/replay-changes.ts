import type { ReplayDiff } from '../../src/answer-replay.ts';
import type { AnswerRecord } from '../../src/db/answer-records.ts';
import { fingerprint } from '../../src/fingerprint.ts';
import { type FlagSnapshot, flagsOn } from '../../src/flag-service.ts';

interface Made {
  record: AnswerRecord;
  /** As it is stored with the answer. */
  request: Record<string, unknown>;
}

/** Of a request, what says nothing of the answer; flags are compared one by one. */
const apart = ['flags', 'rollout_id', 'replay', 'cache_control', 'priority', 'webhook'];

/** Everything that the two answers were made with, beside the corpus, and that is not the same; null: not given, or none. */
export function describeChanges(then: Made, now: Made): ReplayDiff['changed'] {
  const [before, after] = [factsOf(then), factsOf(now)];
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((what) => {
    const [was, is] = [before.get(what) ?? null, after.get(what) ?? null];
    return fingerprint(was) === fingerprint(is) ? [] : [{ what, before: was, after: is }];
  });
}

function factsOf({ record, request }: Made): Map<string, unknown> {
  const { generation_id, embedding_model, analyzer_version, policy_version, prompt_version } = record;
  const { service_version, strategy, taxonomy_version, settings } = record;
  const named = (of: string, values: Record<string, unknown>) =>
    Object.entries(values).map(([name, value]) => [`${of}.${name}`, value] as const);
  const told = Object.entries(request).filter(([name]) => !apart.includes(name));
  const on = flagsOn((request.flags ?? {}) as Partial<FlagSnapshot>);
  return new Map<string, unknown>([
    ...Object.entries({ taxonomy_version, generation_id, embedding_model, analyzer_version }),
    ...Object.entries({ policy_version, prompt_version, service_version, strategy }),
    ...named('settings', settings),
    ...named('request', Object.fromEntries(told)),
    ...on.map((flag) => [`flags.${flag}`, true] as const),
  ]);
}
