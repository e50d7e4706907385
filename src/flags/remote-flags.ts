import { randomUUID } from 'node:crypto';
import { type Client, ErrorCode, NOOP_PROVIDER, OpenFeature, type Provider } from '@openfeature/server-sdk';
import { LRUCache } from 'lru-cache';
import type { FlagEvaluation, FlagSnapshot, ResolutionReason } from '../flag-service.ts';
import { type FlagKey, flagKeys } from '../flags.ts';
import type { Log } from '../log.ts';
import type { RolloutIdentity } from './rollout-identity.ts';

/** Flags that another OpenFeature provider decides. */
export interface RemoteFlags {
  /** What it says in place of what is stored; a killed flag and one that it does not know stay as they are. */
  decide(identity: RolloutIdentity, stored: FlagSnapshot): Promise<FlagSnapshot>;
  answers(): boolean;
  close(): Promise<void>;
}

/** What is stored is also half a second old at most, so a change is followed within a second either way. */
const believedMs = 500;
/** A provider that failed is left alone for so long, except by one request. */
const usualRestMs = 1000;
/** Callers whose last values are kept for when the provider fails. */
const keptCallers = 10_000;

interface RemoteOptions {
  log: Log;
  observe: (outcome: 'ok' | 'failed', seconds: number) => void;
  restMs?: number;
}

type Values = Partial<Record<FlagKey, FlagEvaluation>>;
interface Kept {
  at: number;
  values: Values;
}

export function openRemoteFlags(
  provider: Provider,
  { log, observe, restMs = usualRestMs }: RemoteOptions,
): RemoteFlags {
  // The SDK keeps its providers for the whole process; under a name of its own this one is nobody else's.
  const domain = `dt-rag-${randomUUID()}`;
  OpenFeature.setProvider(domain, provider);
  const client = OpenFeature.getClient(domain).setLogger(quiet(log));
  const kept = new LRUCache<string, Kept>({ max: keptCallers });
  let failedAt: number | undefined;

  const note = (ok: boolean, errorCode?: string) => {
    if (ok && failedAt !== undefined) log.info('the flag provider answers again');
    if (!ok && failedAt === undefined)
      log.warn(
        { errorCode },
        'the flag provider does not answer: its last values stand, else what is stored',
      );
    failedAt = ok ? undefined : performance.now();
  };
  const ask = async (identity: RolloutIdentity, stored: FlagSnapshot): Promise<Values> => {
    const known = kept.get(identity.id);
    const now = performance.now();
    if (known && now - known.at <= believedMs) return known.values;
    const resting = failedAt !== undefined && now - failedAt < restMs;
    if (resting) return lastKnown(known, stored, ErrorCode.PROVIDER_NOT_READY);
    // Whoever else comes meanwhile does not wait for a provider that fails.
    if (failedAt !== undefined) failedAt = now;
    const { values, errorCode } = await readAll(client, identity, stored);
    observe(errorCode === undefined ? 'ok' : 'failed', (performance.now() - now) / 1000);
    note(errorCode === undefined, errorCode);
    if (errorCode !== undefined) return lastKnown(known, stored, errorCode);
    kept.set(identity.id, { at: now, values });
    return values;
  };
  return {
    decide: async (identity, stored) => over(stored, await ask(identity, stored)),
    answers: () => failedAt === undefined,
    close: () => OpenFeature.setProviderAndWait(domain, NOOP_PROVIDER),
  };
}

/** What is killed stays off, and what the provider does not know as it is stored. */
function over(stored: FlagSnapshot, values: Values): FlagSnapshot {
  const decided = flagKeys.map((key) => [
    key,
    stored[key].reason === 'kill' ? stored[key] : (values[key] ?? stored[key]),
  ]);
  return Object.fromEntries(decided);
}

/** Every flag that the provider knows; `errorCode` when it failed for all of them. */
async function readAll(
  client: Client,
  { id, by }: RolloutIdentity,
  stored: FlagSnapshot,
): Promise<{ values: Values; errorCode?: string }> {
  const context = { targetingKey: id, identity: by };
  const found = await Promise.all(
    flagKeys.map((key) => client.getBooleanDetails(key, stored[key].on, context)),
  );
  const failures = found.filter(({ errorCode }) => errorCode && !ofOneFlag.has(errorCode));
  if (failures.length === found.length) return { values: {}, errorCode: failures[0]?.errorCode as string };
  const values: Values = {};
  for (const { flagKey, value, variant, reason, errorCode } of found) {
    const key = flagKey as FlagKey;
    if (errorCode === ErrorCode.FLAG_NOT_FOUND) continue;
    values[key] = errorCode
      ? { ...stored[key], resolution_reason: 'ERROR', error_code: errorCode }
      : decided(value, variant, reason, by);
  }
  return { values };
}

/** Such an error says something of the flag; any other, that there is no provider. */
const ofOneFlag = new Set<string>([
  ErrorCode.FLAG_NOT_FOUND,
  ErrorCode.TYPE_MISMATCH,
  ErrorCode.PARSE_ERROR,
  ErrorCode.INVALID_CONTEXT,
]);

const reasons: ReadonlySet<string> = new Set<ResolutionReason>([
  ...(['STATIC', 'DEFAULT', 'DISABLED', 'SPLIT', 'TARGETING_MATCH', 'CACHED', 'STALE'] as const),
]);

function decided(
  on: boolean,
  variant: string | undefined,
  reason: string | undefined,
  identity: RolloutIdentity['by'],
): FlagEvaluation {
  return {
    ...{ on, reason: 'provider', percent: 100, variant: variant ?? (on ? 'on' : 'off'), identity },
    // Servers have reasons of their own beside those of the specification.
    resolution_reason: reason && reasons.has(reason) ? (reason as ResolutionReason) : 'UNKNOWN',
  };
}

function lastKnown(known: Kept | undefined, stored: FlagSnapshot, errorCode: string): Values {
  return Object.fromEntries(
    flagKeys.map((key) => {
      const last = known && (known.values[key] ?? stored[key]);
      const resolution_reason = last ? ('STALE' as const) : ('ERROR' as const);
      return [key, { ...(last ?? stored[key]), resolution_reason, error_code: errorCode }];
    }),
  );
}

/** What the SDK has to say of single evaluations is no more than this module tells of the provider. */
function quiet(log: Log) {
  const debug = (...parts: unknown[]) => log.debug({ openfeature: parts.map(String) });
  return { error: debug, warn: debug, info: debug, debug };
}
