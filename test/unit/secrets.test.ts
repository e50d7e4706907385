import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { generateKey, hashKey, keyPrefix, readKey, sameHash } from '../../src/keys.ts';
import { loadSecrets } from '../../src/secrets.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dt-rag-test-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('loadSecrets', () => {
  it('makes them once and keeps them, for their owner alone', async () => {
    const config = readConfig({ DATA_DIR: join(folder, 'new'), ENVIRONMENT: 'staging' });
    const first = await loadSecrets(config);
    expect(first.adminKeyIsNew).toBe(true);
    expect(first.adminKey).toMatch(/^dtr_stag_[0-9A-Za-z]{22}_[0-9A-Za-z]{49}$/);
    expect(first.secretKey).toMatch(/^[0-9a-f]{64}$/);
    expect(await loadSecrets(config)).toEqual({ ...first, adminKeyIsNew: false });
    expect((await stat(config.DATA_DIR)).mode & 0o777).toBe(0o700);
    for (const name of ['secret-key', 'admin-api-key'])
      expect((await stat(join(config.DATA_DIR, name))).mode & 0o777).toBe(0o600);
  });

  it('takes those of the environment, and writes none down', async () => {
    const config = readConfig({ DATA_DIR: folder, SECRET_KEY: 's', ADMIN_API_KEY: 'a' });
    expect(await loadSecrets(config)).toEqual({ secretKey: 's', adminKey: 'a', adminKeyIsNew: false });
    await expect(readFile(join(folder, 'secret-key'))).rejects.toThrow('ENOENT');
  });

  it.each(['secret-key', 'admin-api-key'])('refuses an empty %s: anybody could know it', async (name) => {
    await writeFile(join(folder, name), '\n');
    await expect(loadSecrets(readConfig({ DATA_DIR: folder }))).rejects.toThrow(
      new RegExp(`${name} is empty`),
    );
    expect(await readFile(join(folder, name), 'utf8')).toBe('\n');
  });

  it('needs them given where several processes must agree', async () => {
    const config = readConfig({ DATA_DIR: folder, DATABASE_URL: 'postgresql://u@db/rag' });
    await expect(loadSecrets(config)).rejects.toThrow(
      /SECRET_KEY must be set[\s\S]*ADMIN_API_KEY must be set/,
    );
  });
});

describe('keys', () => {
  it('are random, name their environment, and show little of themselves', () => {
    const keys = new Set(Array.from({ length: 100 }, () => generateKey('production')));
    expect(keys.size).toBe(100);
    const [key] = [...keys] as [string];
    expect(key).toMatch(/^dtr_prod_[0-9A-Za-z]{22}_[0-9A-Za-z]{49}$/);
    expect(keyPrefix(key)).toBe(`${key.slice(0, 32)}…`);
    expect(keyPrefix('dtr_prod_of-the-earlier-form_0123456789-0123456789ab')).toBe('dtr_prod_of-t…');
  });

  it('carry the id of their row, and a checksum that shows what is mistyped', () => {
    for (const id of [
      '00000000-0000-0000-0000-000000000000',
      'ffffffff-ffff-ffff-ffff-ffffffffffff',
      '0f8fad5b-d9cb-469f-a165-70867728950e',
    ]) {
      const key = generateKey('testing', id);
      expect(readKey(key)).toEqual({ form: 'current', id });
      for (let at = 9; at < key.length; at++) {
        if (at === 31) continue;
        const other = key[at] === 'x' ? 'y' : 'x';
        expect(readKey(key.slice(0, at) + other + key.slice(at + 1)).form, `${at}`).toBe('mistyped');
      }
      expect(readKey(key.slice(1)).form).toBe('none');
      expect(readKey(`${key}0`).form).toBe('none');
    }
    expect(readKey(`dtr_test_${'A_-'.repeat(14)}z`).form).toBe('earlier');
    expect(readKey('some admin key').form).toBe('none');
  });

  it('are hashed under the secret', () => {
    const hash = hashKey('key', 'secret');
    expect(sameHash(hash, hashKey('key', 'secret'))).toBe(true);
    expect(sameHash(hash, hashKey('key', 'other'))).toBe(false);
    expect(sameHash(hash, hashKey('kez', 'secret'))).toBe(false);
    expect(sameHash(hash, hash.subarray(1))).toBe(false);
  });
});
