import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Environment } from '../../src/config.ts';

/** The servers of `.ci/services`, when they are the ones that the URLs name: only those may be stopped. */
export interface Services {
  run(...command: string[]): Promise<void>;
}

const script = fileURLToPath(new URL('../../.ci/services', import.meta.url));

/** Undefined unless SERVICES_DIR is set and its servers listen on the ports of both URLs. */
export function findServices({
  SERVICES_DIR: folder,
  DATABASE_URL,
  REDIS_URL,
}: Environment): Services | undefined {
  if (!folder || !DATABASE_URL) return undefined;
  const ports = readFileSync(join(folder, 'ports'), 'utf8');
  const owns = (url: string, name: string) => ports.includes(`${name}=${new URL(url).port}\n`);
  if (!owns(DATABASE_URL, 'pg_port') || (REDIS_URL && !owns(REDIS_URL, 'redis_port'))) return undefined;
  const env = { PATH: process.env.PATH, SERVICES_DIR: folder };
  return {
    run: async (...command) => {
      await promisify(execFile)('bash', [script, ...command], { env });
    },
  };
}
