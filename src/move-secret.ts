import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MoveRefused } from './db/move.ts';
import type { Place } from './move-places.ts';

/** What becomes of SECRET_KEY, with which the moved API keys are hashed and the secrets of webhooks sealed. */
export interface SecretPlan {
  /** Does it, once the rows are there. */
  carryOut(): Promise<void>;
  /** What the operator has to know or do. Never the secret itself: screens and logs are kept by others. */
  advice: string[];
}

/**
 * The source's secret is in its DATA_DIR or, where it has none, SECRET_KEY of the environment (`given`). It goes into the DATA_DIR of
 * an embedded target; a server's processes are given it by the operator. Throws MoveRefused when the target has another one.
 */
export async function planSecret(from: Place, to: Place, given: string | undefined): Promise<SecretPlan> {
  const kept = await readSecret(from);
  const secret = kept ?? given;
  const nothing = async () => {};
  if (to.directory === undefined) {
    const how =
      kept === undefined
        ? 'SECRET_KEY stays what it was'
        : `SECRET_KEY is now in the environment: SECRET_KEY="$(cat ${secretPath(from)})"`;
    return {
      carryOut: nothing,
      advice: [
        `${how}. API keys are hashed with it, and webhook secrets sealed: under another one every moved key is unknown.`,
        'ADMIN_API_KEY has to be set too: it is not in the database.',
      ],
    };
  }
  const path = secretPath(to) as string;
  const there = await readSecret(to);
  if (there !== undefined && secret !== undefined && there !== secret)
    throw new MoveRefused(
      `${path} holds another secret than the source's: delete it, or take a new directory.`,
    );
  if (there !== undefined)
    return {
      carryOut: nothing,
      advice:
        secret === undefined ? [`${path} was there before: it must be the SECRET_KEY of the source.`] : [],
    };
  if (secret !== undefined)
    return {
      carryOut: () => writeFile(path, `${secret}\n`, { mode: 0o600, flag: 'wx' }),
      advice: [`SECRET_KEY is kept in ${path}.`],
    };
  return {
    carryOut: nothing,
    advice: [
      `SECRET_KEY of the source is not known here: write it to ${path} (mode 0600) before the first start, or set it. API keys are hashed with it: under another one every moved key is unknown.`,
    ],
  };
}

function secretPath({ directory }: Place): string | undefined {
  return directory === undefined ? undefined : join(directory, 'secret-key');
}

async function readSecret(place: Place): Promise<string | undefined> {
  const path = secretPath(place);
  if (path === undefined) return undefined;
  try {
    const secret = (await readFile(path, 'utf8')).trim();
    if (secret === '') throw new MoveRefused(`${path} is empty: delete it, or put the secret back.`);
    return secret;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
