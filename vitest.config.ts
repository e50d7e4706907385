import { defineConfig } from 'vitest/config';

/** What the service does, seen from outside: the same on every tier, which TEST_TIER chooses. */
const conformance = ['api', 'contracts', 'handlers', 'journeys'].map((name) => `test/${name}/**/*.test.ts`);
/** The same, and long: `npm run test:long`, so that `npm test` stays short enough to be run before each commit. */
const long = ['test/long/**/*.test.ts'];
/** Long, and of code that has no tier. */
const slow = ['test/slow/**/*.test.ts'];

export default defineConfig({
  test: {
    testTimeout: 240_000,
    hookTimeout: 240_000,
    // Each file that needs a database opens a PGlite of its own (about 0.5 GB): two at a time is what small machines bear.
    pool: 'forks',
    maxWorkers: 2,
    sequence: { shuffle: { files: true, tests: false } },
    projects: [
      {
        extends: true,
        test: {
          name: 'conformance',
          include: conformance,
          globalSetup: ['test/support/global-setup.ts'],
        },
      },
      { extends: true, test: { name: 'slow', include: slow } },
      { extends: true, test: { name: 'long', include: long, globalSetup: ['test/support/global-setup.ts'] } },
      {
        extends: true,
        test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: [...conformance, ...long, ...slow] },
      },
    ],
  },
});
