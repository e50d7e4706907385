import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Import {
  file: string;
  /** A path from the root for our own files, the name for packages. */
  target: string;
}

/** The rules of docs/architecture.md, each as: who breaks it? */
const rules: { says: string; broken: (line: Import) => boolean }[] = [
  {
    says: 'src never imports workers',
    broken: ({ file, target }) => file.startsWith('src/') && target.startsWith('workers/'),
  },
  {
    says: 'a queue folder never imports another one: stages talk through jobs and rows',
    broken: ({ file, target }) =>
      queueFolder(file) !== undefined &&
      queueFolder(target) !== undefined &&
      queueFolder(file) !== queueFolder(target),
  },
  {
    says: 'nobody imports a main',
    broken: ({ target }) => /^(src|workers)\/(main|start|migrate|move)\.ts$/.test(target),
  },
  {
    says: 'knex and pg are used in src/db only',
    broken: only(['knex', 'pg'], /^src\/db\//, { typesElsewhere: true }),
  },
  {
    says: 'bullmq is used by the queues, their runner and the board only',
    broken: only(
      ['bullmq', 'ioredis'],
      /^(src\/jobs\/(queues|store|store-\w+)|workers\/run-queue|src\/api\/board)\.ts$/,
    ),
  },
  {
    says: 'express is used in src/api only',
    broken: only(['express', '@bull-board/express'], /^src\/api\//),
  },
  {
    says: 'the Gemini SDK is used in the three gemini.ts only',
    broken: only(['@google/generative-ai'], /^(src\/models|src\/reranking|workers\/llm)\/gemini\.ts$/),
  },
];

function only(packages: string[], where: RegExp, { typesElsewhere = false } = {}) {
  return ({ file, target }: Import) => {
    const named = target.replace(/^type:/, '');
    return packages.includes(named) && !where.test(file) && !(typesElsewhere && target.startsWith('type:'));
  };
}

function queueFolder(path: string): string | undefined {
  return /^workers\/(ingestion|embedding|answer|learning|upkeep|webhook)\//.exec(path)?.[1];
}

function importsOf(file: string, text: string): Import[] {
  const statements = text.matchAll(
    /(?:import|export)\s+(type\s)?[^'"`;]*?from\s+'([^']+)'|import\('([^']+)'\)/g,
  );
  return [...statements].map(([, type, from, dynamic]) => {
    const target = (from ?? dynamic) as string;
    const own = target.startsWith('.') ? relative(root, join(root, dirname(file), target)) : target;
    return { file, target: type && !target.startsWith('.') ? `type:${own}` : own };
  });
}

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

const violations = (imports: Import[]) =>
  rules.flatMap(({ says, broken }) =>
    imports.filter(broken).map(({ file, target }) => `${file} → ${target}: ${says}`),
  );

describe('architecture', () => {
  const files = [...sources('src'), ...sources('workers')];
  const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));

  it('keeps its import rules', () => {
    const imports = [...texts].flatMap(([file, text]) => importsOf(file, text));
    expect(imports.length).toBeGreaterThan(200);
    expect(violations(imports)).toEqual([]);
  });

  it('bites: a deliberate violation of each kind is found', () => {
    const bad = `import { handlers } from '../workers/handlers.ts';\nimport { Queue } from 'bullmq';\nimport express from 'express';`;
    expect(violations(importsOf('src/log.ts', bad))).toHaveLength(3);
    expect(
      violations(importsOf('workers/answer/x.ts', `import { y } from '../ingestion/y.ts';`)),
    ).toHaveLength(1);
    expect(violations(importsOf('src/api/x.ts', `import knex, { type Knex } from 'knex';`))).toHaveLength(1);
    expect(violations(importsOf('src/api/x.ts', `import type { Knex } from 'knex';`))).toHaveLength(0);
  });

  it('has a client that needs nothing but fetch: of other files it takes types alone', () => {
    const client = [...texts].filter(([file]) => file.startsWith('src/client/'));
    expect(client.length).toBeGreaterThan(4);
    for (const [file, text] of client)
      for (const [line, from] of text.matchAll(/^import (?!type )[^;]*?from '([^']+)'/gm))
        expect([file, line, from?.startsWith('./')]).toEqual([file, line, true]);
  });

  it('reads the environment in the two config files only', () => {
    const readers = [...texts].filter(([, text]) => text.includes('process.env')).map(([file]) => file);
    expect(readers.sort()).toEqual(['src/config.ts', 'workers/config.ts']);
  });

  it('does nothing on import but in entries', () => {
    const entries = new Set([
      'src/main.ts',
      'src/migrate.ts',
      'src/move.ts',
      'workers/main.ts',
      'workers/start.ts',
      'src/db/pglite-thread.ts',
      'src/models/local-thread.ts',
      'src/reranking/cross-encoder-thread.ts',
      'workers/ingestion/parser-child.ts',
    ]);
    const acting = [...texts]
      .filter(([file, text]) => !entries.has(file) && /^(await|void)\s/m.test(text))
      .map(([file]) => file);
    expect(acting).toEqual([]);
  });
});
