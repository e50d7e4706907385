// node .ci/sum-tests.mjs DIR: reads each vitest JSON report in DIR and prints one line that sums them up. A run that
// ended badly without a failed test (RUN.failed beside its report: an import, a hook or a set-up broke) counts as one failure.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder] = process.argv.slice(2);
const runs = new Set(readdirSync(folder).map((name) => name.replace(/\.(json|failed)$/, '')));
const sum = { passed: 0, failed: 0, skipped: 0 };
for (const run of runs) {
  const report = join(folder, `${run}.json`);
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = existsSync(report)
    ? JSON.parse(readFileSync(report, 'utf8'))
    : { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 };
  sum.passed += numPassedTests;
  sum.failed += numFailedTests || Number(existsSync(join(folder, `${run}.failed`)));
  sum.skipped += numPendingTests + numTodoTests;
}
const skipped = sum.skipped > 0 ? `, ${sum.skipped} skipped` : '';
process.stdout.write(`${sum.passed} passed, ${sum.failed} failed${skipped}\n`);
