import type { FlagOverride } from '../db/flags.ts';
import { bucket, type FlagEvaluation, type FlagState } from '../flag-service.ts';
import { type FlagKey, flagKeys, flagList } from '../flags.ts';
import type { RolloutIdentity } from './rollout-identity.ts';

/** Kill switch → stored → environment → default. */
export function flagState(
  key: FlagKey,
  override: FlagOverride | undefined,
  env: boolean | undefined,
): FlagState {
  const { description, default: fallback } = flagList[key];
  const base = { key, description, default: fallback };
  if (override) {
    const { enabled, rollout_percent, updated_at, updated_by, reason, killed, version } = override;
    const source = killed ? 'kill' : 'stored';
    return {
      ...base,
      ...{ enabled: enabled && !killed, rollout_percent, source },
      ...{ updated_at, updated_by, reason, version },
    };
  }
  return {
    ...base,
    ...{ enabled: env ?? fallback, rollout_percent: 100, source: env === undefined ? 'default' : 'env' },
    ...{ updated_at: null, updated_by: null, reason: null, version: 0 },
  };
}

export function flagStates(
  overrides: ReadonlyMap<FlagKey, FlagOverride>,
  envFlags: Partial<Record<string, boolean>>,
): FlagState[] {
  return flagKeys.map((key) => flagState(key, overrides.get(key), envFlags[key]));
}

/** A flag made ready for being asked many times: nothing is computed for a caller unless only a share of them has it. */
export interface PreparedFlag {
  key: FlagKey;
  killed: boolean;
  evaluate(identity: RolloutIdentity): FlagEvaluation;
}

export function prepareFlag(state: FlagState): PreparedFlag {
  const { key, enabled, rollout_percent: percent, source } = state;
  const stored = state.version > 0 ? { version: state.version } : {};
  const killed = source === 'kill';
  if (!enabled || percent === 100) {
    const fixed: FlagEvaluation = Object.freeze({
      ...{ on: enabled, reason: source, percent, variant: enabled ? 'on' : 'off' },
      resolution_reason: resolutionReason(state),
      ...stored,
    });
    return { key, killed, evaluate: () => fixed };
  }
  const share = { percent, resolution_reason: 'SPLIT', ...stored } as const;
  return {
    key,
    killed,
    evaluate: ({ id, by }) => {
      const on = percent > 0 && bucket(key, id) < percent;
      return { on, reason: 'rollout', ...share, variant: on ? 'on' : 'off', identity: by };
    },
  };
}

/** DISABLED is what was switched off by hand; a default is off without anybody having said so. */
function resolutionReason({ source, enabled }: FlagState): 'DEFAULT' | 'STATIC' | 'DISABLED' {
  if (source === 'default') return 'DEFAULT';
  if (source === 'env') return 'STATIC';
  return enabled ? 'STATIC' : 'DISABLED';
}
