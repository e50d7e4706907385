import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Each file that needs a database opens a PGlite of its own (about 0.5 GB): two at a time is what small machines bear.
    pool: 'forks',
    maxWorkers: 2,
    sequence: { shuffle: { files: true, tests: false } },
  },
});
