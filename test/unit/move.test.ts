import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MoveRefused } from '../../src/db/move.ts';
import { parentsFirst } from '../../src/db/move-tables.ts';
import { openSource, parsePlace } from '../../src/move-places.ts';
import { planSecret } from '../../src/move-secret.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dt-rag-test-'));
});
afterEach(() => rm(folder, { recursive: true }));

const server = parsePlace('from', 'postgresql+psycopg://u:hunter2@db.example:5433/rag?sslmode=require');

describe('parsePlace', () => {
  it('knows directories and servers, and never says a password', () => {
    expect(server).toMatchObject({ name: 'postgresql://db.example:5433/rag', directory: undefined });
    expect(server.config.DATABASE_URL).toBe('postgresql://u:hunter2@db.example:5433/rag?sslmode=require');
    expect(parsePlace('to', 'embedded:./a b')).toMatchObject({ directory: './a b' });
  });

  it.each([undefined, '', 'embedded:', './.data', 'mysql://u:hunter2@db/rag', 'postgresql://db'])(
    'refuses %j and names the option',
    (text) => {
      expect(() => parsePlace('to', text)).toThrow(/^--to takes embedded:DIR or postgresql:/);
    },
  );
});

it('a directory without a database is no source, and none is made in it', async () => {
  await expect(openSource(parsePlace('from', `embedded:${folder}`))).rejects.toThrow(MoveRefused);
  await expect(stat(join(folder, 'pg'))).rejects.toThrow('ENOENT');
});

describe('parentsFirst', () => {
  it('puts every table behind those it points at', () => {
    const tables = [
      { name: 'a', parents: ['b', 'c'] },
      { name: 'b', parents: ['c', 'elsewhere'] },
      { name: 'c', parents: [] },
    ];
    expect(parentsFirst(tables).map(({ name }) => name)).toEqual(['c', 'b', 'a']);
  });

  it('gives up on a circle and names it', () => {
    const tables = [
      { name: 'a', parents: ['b'] },
      { name: 'b', parents: ['a'] },
      { name: 'c', parents: [] },
    ];
    expect(() => parentsFirst(tables)).toThrow(/a, b form a circle/);
  });
});

describe('planSecret', () => {
  const place = (name: string) => parsePlace('to', `embedded:${join(folder, name)}`);
  const here = () => parsePlace('to', `embedded:${folder}`);
  const secretFile = () => join(folder, 'secret-key');

  it('tells where the secret of a directory is, not what it is', async () => {
    await writeFile(secretFile(), 'the-secret\n');
    const { advice, carryOut } = await planSecret(here(), server, undefined);
    expect(advice.join('\n')).toContain(`SECRET_KEY="$(cat ${secretFile()})"`);
    expect(advice.join('\n')).not.toContain('the-secret');
    await carryOut();
  });

  it("writes the server's secret into the directory, for its owner alone", async () => {
    const { advice, carryOut } = await planSecret(server, here(), 'the-secret');
    await expect(readFile(secretFile())).rejects.toThrow('ENOENT');
    await carryOut();
    expect(await readFile(secretFile(), 'utf8')).toBe('the-secret\n');
    expect((await stat(secretFile())).mode & 0o777).toBe(0o600);
    expect(advice.join('\n')).not.toContain('the-secret');
  });

  it('says what is missing when nobody knows it', async () => {
    const { advice } = await planSecret(server, place('new'), undefined);
    expect(advice.join('\n')).toMatch(/write it to .+secret-key .+before the first start/);
  });

  it('does not replace another secret, nor take an empty one', async () => {
    await writeFile(secretFile(), 'another\n');
    await expect(planSecret(server, here(), 'the-secret')).rejects.toThrow(/another secret/);
    expect((await planSecret(server, here(), 'another')).advice).toEqual([]);
    await writeFile(secretFile(), '\n');
    await expect(planSecret(here(), server, undefined)).rejects.toThrow(/is empty/);
  });
});
