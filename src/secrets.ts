import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Config, ConfigError } from './config.ts';
import { generateKey } from './keys.ts';

export interface Secrets {
  secretKey: string;
  adminKey: string;
  /** The admin key was made just now: print it, once. */
  adminKeyIsNew: boolean;
}

/**
 * The secrets of the environment; what is missing is made on the embedded tier and kept in DATA_DIR (mode 0600).
 * On the other tiers several processes must agree on them, so a missing one stops the start.
 */
export async function loadSecrets(config: Config): Promise<Secrets> {
  if (config.tier !== 'embedded') {
    const missing = (['SECRET_KEY', 'ADMIN_API_KEY'] as const).filter((name) => !config[name]);
    if (missing.length > 0)
      throw new ConfigError(
        missing.map((name) => `${name} must be set when DATABASE_URL is: every process needs the same one.`),
      );
    return {
      secretKey: config.SECRET_KEY as string,
      adminKey: config.ADMIN_API_KEY as string,
      adminKeyIsNew: false,
    };
  }
  const secret = await ownSecretKey(config);
  const admin = await given(config.ADMIN_API_KEY, join(config.DATA_DIR, 'admin-api-key'), () =>
    generateKey(config.ENVIRONMENT),
  );
  return { secretKey: secret.value, adminKey: admin.value, adminKeyIsNew: admin.isNew };
}

/** SECRET_KEY for a worker, which does without it where it has none: undefined on the tiers where it has to be given. */
export async function workerSecretKey(config: Config): Promise<string | undefined> {
  return config.tier === 'embedded' ? (await ownSecretKey(config)).value : config.SECRET_KEY;
}

async function ownSecretKey(config: Config) {
  await mkdir(config.DATA_DIR, { recursive: true, mode: 0o700 });
  return given(config.SECRET_KEY, join(config.DATA_DIR, 'secret-key'), () => randomBytes(32).toString('hex'));
}

async function given(
  value: string | undefined,
  path: string,
  make: () => string,
): Promise<{ value: string; isNew: boolean }> {
  if (value) return { value, isNew: false };
  try {
    const kept = (await readFile(path, 'utf8')).trim();
    // A start that was killed between making the file and filling it leaves this: as a secret it would be everybody's.
    if (kept === '') throw new ConfigError([`${path} is empty: delete it, and a new one is made.`]);
    return { value: kept, isNew: false };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const made = make();
    await writeFile(path, `${made}\n`, { mode: 0o600, flag: 'wx' });
    return { value: made, isNew: true };
  }
}
