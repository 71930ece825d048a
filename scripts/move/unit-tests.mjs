// Running unit tests and telling their results.
import { MoveError, runTests } from './compiler.mjs';

const stripColours = (text) => text.replace(/\x1b\[[0-9;]*m/g, '');

/** One line of the runner about one test: `[ PASS    ] package::module::test`. */
const RESULT_LINE = /^\[\s*(\w+)\s*\]\s+(\S+)/;

function results(plain) {
  return plain.split('\n').flatMap((line) => {
    const match = line.match(RESULT_LINE);
    return match ? [{ passed: match[1] === 'PASS', word: match[1], test: match[2] }] : [];
  });
}

/** The runner's own count, to be sure that no result line was overlooked. */
function reportedTotal(plain) {
  const match = plain.match(/Total tests: (\d+); passed: (\d+); failed: (\d+)/);
  return match && { total: Number(match[1]), failed: Number(match[3]) };
}

/** The boxes that explain failures, only those of tests in `failed` (`package::module::test`). */
function explanations(plain, failed) {
  const wanted = new Set(failed);
  const shown = [];
  let module = '';
  let inside = false;
  for (const line of plain.split('\n')) {
    module = line.match(/^Failures in (\S+):/)?.[1] ?? module;
    const opened = line.match(/^┌── (\S+) ─/);
    if (opened) inside = wanted.has(`${module}::${opened[1]}`);
    if (opened && inside) shown.push(`${module}::${opened[1]}`);
    else if (inside) shown.push(line);
    if (line.startsWith('└──')) inside = false;
  }
  return shown.join('\n');
}

/** Runs the tests of one package and prints them; gives `{ passed, failed }` of those the filter lets through. */
async function testPackage(framework, packages, one, filter) {
  console.log(`\n${one.name}: running unit tests`);
  let outcome;
  try {
    outcome = await runTests(framework, packages, one);
  } catch (error) {
    if (!(error instanceof MoveError)) throw error;
    console.log(stripColours(error.message));
    console.log(`FAIL ${one.name} (does not compile)`);
    return { passed: 0, failed: 1 };
  }
  const plain = stripColours(outcome.output);
  const every = results(plain);
  const total = reportedTotal(plain);
  const understood = total && total.total === every.length;
  const shown = every.filter(({ test }) => test.includes(filter));
  for (const { word, test } of shown) console.log(`${word.padEnd(7)} ${test}`);
  const failed = shown.filter(({ passed }) => !passed).map(({ test }) => test);
  if (failed.length > 0) console.log(`\n${explanations(plain, failed)}`);
  // A run that ended without its totals, or failed without naming a test, must not look like a success.
  const silent = !understood || (!outcome.passed && every.every(({ passed }) => passed));
  if (silent) console.log(`${plain}\nFAIL ${one.name} (it does not compile, or the test runner did not finish)`);
  return { passed: shown.length - failed.length, failed: failed.length + (silent ? 1 : 0) };
}

/** Runs the tests of `selected`; true when at least one ran and none failed. */
export async function test(framework, packages, selected, filter) {
  const sum = { passed: 0, failed: 0 };
  for (const one of selected) {
    const { passed, failed } = await testPackage(framework, packages, one, filter);
    sum.passed += passed;
    sum.failed += failed;
  }
  if (sum.passed + sum.failed === 0) console.log(filter ? `\nno test matches '${filter}'` : '\nno tests');
  console.log(`\n${sum.passed} passed, ${sum.failed} failed`);
  return sum.failed === 0 && sum.passed > 0;
}
