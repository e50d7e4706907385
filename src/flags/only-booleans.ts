import { ErrorCode, type Provider, type ResolutionDetails } from '@openfeature/server-sdk';

type Others = Pick<
  Provider,
  'resolveStringEvaluation' | 'resolveNumberEvaluation' | 'resolveObjectEvaluation'
>;

/** The rest of an OpenFeature provider whose flags are on or off: whoever asks for anything else has the type wrong. */
export const onlyBooleans: Others = {
  resolveStringEvaluation: async (key, fallback) => mismatch(key, fallback),
  resolveNumberEvaluation: async (key, fallback) => mismatch(key, fallback),
  resolveObjectEvaluation: async (key, fallback) => mismatch(key, fallback),
};

function mismatch<T>(key: string, value: T): ResolutionDetails<T> {
  return failed(value, ErrorCode.TYPE_MISMATCH, `The flag ${key} is on or off: ask for a boolean.`);
}

/** What OpenFeature wants of an evaluation that came to nothing: the caller's own value, and why. */
export function failed<T>(value: T, errorCode: ErrorCode, errorMessage: string): ResolutionDetails<T> {
  return { value, reason: 'ERROR', errorCode, errorMessage };
}
