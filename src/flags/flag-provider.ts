import { ErrorCode, type Provider } from '@openfeature/server-sdk';
import type { FlagService } from '../flag-service.ts';
import { type FlagKey, flagKeys } from '../flags.ts';
import { failed, onlyBooleans } from './only-booleans.ts';

/**
 * The flags of this service as an OpenFeature provider: what is in force for the targeting key, with the reason as `reason` and
 * what decided as metadata. Behind the OFREP routes it serves SDKs in any language.
 */
export function createFlagProvider(flags: Pick<FlagService, 'snapshot'>): Provider {
  return {
    ...onlyBooleans,
    metadata: { name: 'dt-rag' },
    runsOn: 'server',
    resolveBooleanEvaluation: async (key, fallback, { targetingKey }) => {
      if (!(flagKeys as string[]).includes(key))
        return failed(fallback, ErrorCode.FLAG_NOT_FOUND, `The flags are ${flagKeys.join(', ')}.`);
      if (!targetingKey)
        return failed(fallback, ErrorCode.TARGETING_KEY_MISSING, 'Say for whom, as targetingKey.');
      const snapshot = await flags.snapshot({ id: targetingKey, by: 'header' });
      const { on, variant, resolution_reason, reason, percent, version } = snapshot[key as FlagKey];
      return {
        value: on,
        ...(variant === undefined ? {} : { variant }),
        ...(resolution_reason === undefined ? {} : { reason: resolution_reason }),
        flagMetadata: { decided_by: reason, percent, ...(version === undefined ? {} : { version }) },
      };
    },
  };
}
