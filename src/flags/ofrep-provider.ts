import {
  handleEvaluationError,
  isEvaluationFailureResponse,
  OFREPApi,
  toResolutionDetails,
} from '@openfeature/ofrep-core';
import { ErrorCode, type EvaluationContext, type Provider } from '@openfeature/server-sdk';
import { failed, onlyBooleans } from './only-booleans.ts';

type Answers = Awaited<ReturnType<typeof askAll>>;

/**
 * Flags of a server that speaks the OpenFeature Remote Evaluation Protocol (flagd and others). All flags of a caller come with one
 * request; those who ask for the same caller while it is under way share it.
 */
export function createOfrepProvider(options: {
  url: string;
  token?: string | undefined;
  /** For a request, its body included. */
  timeoutMs: number;
}): Provider {
  const { url, token, timeoutMs } = options;
  const bounded: typeof fetch = (input, init) => {
    const signals = [AbortSignal.timeout(timeoutMs), ...(init?.signal ? [init.signal] : [])];
    return fetch(input, { ...init, signal: AbortSignal.any(signals), redirect: 'error' });
  };
  const headers: [string, string][] = token === undefined ? [] : [['Authorization', `Bearer ${token}`]];
  const api = new OFREPApi({ baseUrl: url.replace(/\/+$/, ''), timeoutMs, headers }, bounded);
  const underWay = new Map<string, Promise<Answers>>();
  const shared = (context: EvaluationContext): Promise<Answers> => {
    const name = JSON.stringify(context);
    const asked =
      underWay.get(name) ??
      askAll(api, context).finally(() => {
        underWay.delete(name);
      });
    underWay.set(name, asked);
    return asked;
  };
  return {
    ...onlyBooleans,
    metadata: { name: 'ofrep' },
    runsOn: 'server',
    resolveBooleanEvaluation: async (key, fallback, context) => {
      const found = (await shared(context)).find((one) => one.key === key);
      if (!found) return failed(fallback, ErrorCode.FLAG_NOT_FOUND, `${key} is not among its flags.`);
      return isEvaluationFailureResponse(found)
        ? handleEvaluationError(found, fallback)
        : toResolutionDetails(found, fallback);
    },
    onClose: async () => api.close(),
  };
}

async function askAll(api: OFREPApi, context: EvaluationContext) {
  const { httpStatus, value } = await api.postBulkEvaluateFlags({ context });
  if (httpStatus === 200) return value.flags ?? [];
  throw new Error(`The flag provider answered ${httpStatus} ${value?.errorCode ?? ''}.`);
}
