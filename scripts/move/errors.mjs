// Every error constant is provoked by name: some test says `#[expected_failure(abort_code = module::EName)]`.
import fs from 'node:fs';
import path from 'node:path';
import { findConstant, isOfFramework } from './names.mjs';
import { BLS_TESTS, SOURCES, TESTS, sourceFiles } from './packages.mjs';
import { withoutTestAttributes } from './test-source.mjs';

/** Error constants are named like this: `EWrongVersion`, unlike `EPOCH_DURATION`. */
const ERROR_NAME = /^E[A-Z]\w*[a-z]\w*$/;
const EXCEPTIONS = 'untested-errors.json';

const key = ({ address, name }, constant) => `${address}::${name}::${constant}`;

function declaredModules(packages) {
  const sources = packages.flatMap(({ dir }) => Object.entries(sourceFiles(dir, [SOURCES, TESTS, BLS_TESTS])));
  return sources.filter(([file]) => file.endsWith('.move')).flatMap(([, text]) => withoutTestAttributes(text).modules);
}

/** The constants that tests name as the abort code they expect. */
function namedByTests(modules) {
  const named = new Set();
  for (const module of modules) {
    for (const { failure } of module.tests) {
      const code = failure?.abort_code;
      if (code === undefined || /^[0-9]/.test(code) || isOfFramework(code, module)) continue;
      const { place, name } = findConstant(code, module, modules);
      named.add(key(place, name));
    }
  }
  return named;
}

/** Why some constants cannot have a test: `package::module::EName` → reason. */
function readExceptions(moveDir) {
  const file = path.join(moveDir, EXCEPTIONS);
  return new Map(fs.existsSync(file) ? Object.entries(JSON.parse(fs.readFileSync(file, 'utf8'))) : []);
}

/** Prints the error constants that no test names, and exceptions that are none; true when there are none of either. */
export function checkErrors(moveDir, packages) {
  const modules = declaredModules(packages);
  const named = namedByTests(modules);
  const exceptions = readExceptions(moveDir);
  const all = modules
    .filter(({ testOnly }) => !testOnly)
    .flatMap((module) => [...module.constants.keys()].filter((name) => ERROR_NAME.test(name)).map((name) => key(module, name)));
  const untested = all.filter((one) => !named.has(one));
  const complaints = [
    ...untested.filter((one) => !exceptions.has(one)).map((one) => `${one}: no test expects this abort code by name`),
    ...[...exceptions.keys()]
      .filter((one) => !untested.includes(one))
      .map((one) => `${EXCEPTIONS}: ${one} ${all.includes(one) ? 'has a test' : 'does not exist'}`),
    ...[...exceptions].filter(([, reason]) => !reason).map(([one]) => `${EXCEPTIONS}: ${one} has no reason`),
  ];
  for (const text of complaints) console.log(`error: ${text}`);
  if (complaints.length === 0) {
    console.log(`${all.length - exceptions.size} of ${all.length} error constants are expected by tests, ${exceptions.size} cannot be`);
  }
  return complaints.length === 0;
}
