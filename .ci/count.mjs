// Prints the skipped tests and, last, the counted line of a vitest JSON report.
import { readFileSync } from 'node:fs';

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const tests = report.testResults.flatMap((file) => file.assertionResults);
const count = (...states) => tests.filter((test) => states.includes(test.status)).length;
const suitesFailed = report.testResults.filter(
  (file) => file.status === 'failed' && file.assertionResults.length === 0,
);
for (const test of tests.filter(({ status }) => status === 'pending' || status === 'skipped' || status === 'todo')) {
  process.stdout.write(`skipped: ${test.fullName}\n`);
}
for (const file of suitesFailed) process.stdout.write(`failed to load: ${file.name}\n${file.message}\n`);
const failed = count('failed') + suitesFailed.length;
const passed = count('passed');
const skipped = tests.length - passed - count('failed');
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
if (failed > 0 || passed === 0) process.exitCode = 1;
