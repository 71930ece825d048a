// Unit tests as ordinary bytecode, for running them on another machine than the official one.
import path from 'node:path';
import { shortAddress } from './bytecode.mjs';
import { compileBundle, compileForTests } from './compiler.mjs';
import { FRAMEWORK_PACKAGES, frameworkBundle } from './framework.mjs';
import { findConstant, findModule, moduleName } from './names.mjs';
import { BLS_TESTS, SOURCES, TESTS, sourceFiles } from './packages.mjs';
import { writeWhole } from './paths.mjs';
import { RENAMED_INIT, withoutTestAttributes } from './test-source.mjs';

const isSource = (file) => file.endsWith('.move');

/** The files without test attributes, and the modules they declare (each with its `file`). */
function transform(files, options) {
  const modules = [];
  const changed = {};
  for (const [file, text] of Object.entries(files)) {
    if (!isSource(file)) {
      changed[file] = text;
      continue;
    }
    const result = withoutTestAttributes(text, options);
    changed[file] = result.text;
    modules.push(...result.modules.map((module) => ({ ...module, file })));
  }
  return { files: changed, modules };
}

const isIn = (folder, file) => file.startsWith(`${folder}/`);
const isTestFile = (file) => isIn(TESTS, file) || isIn(BLS_TESTS, file);

/** Test folders are compiled as sources are. */
function testsAmongSources(files) {
  const moved = Object.entries(files).map(([file, text]) => [isTestFile(file) ? `${SOURCES}/${file}` : file, text]);
  return Object.fromEntries(moved);
}

/** The framework with its test code: sources per folder, and the modules they declare. */
function transformFramework(framework) {
  const folders = {};
  const modules = [];
  for (const [folder, files] of Object.entries(framework.folders)) {
    const result = transform(files, { witnesses: false });
    folders[folder] = result.files;
    modules.push(...result.modules);
  }
  return { framework: { ...framework, folders }, modules };
}

/** What the path or number of an abort code means, seen from `module`. */
function abortCode(text, module, modules) {
  if (/^[0-9]/.test(text)) return { code: String(BigInt(text.replaceAll('_', '').replace(/u(8|16|32|64)$/, ''))) };
  const { place, name, constant } = findConstant(text, module, modules);
  const location = moduleName(place);
  if (constant.error) return { error: name, location };
  if (constant.value === undefined) throw new Error(`${module.name}: the constant ${text} is not a plain number`);
  return { code: String(constant.value), location };
}

const CLASSES = ['arithmetic_error', 'vector_error', 'out_of_gas', 'major_status'];

/** What a test must do: null to return, otherwise how it must fail. */
function expectation({ failure }, module, modules) {
  if (!failure) return null;
  const expected = { class: 'any' };
  if (failure.abort_code !== undefined) {
    Object.assign(expected, { class: 'abort' }, abortCode(failure.abort_code, module, modules));
  }
  for (const one of CLASSES) if (failure[one] !== undefined) expected.class = one;
  // A vector error has a minor status; without one in the attribute the official runner expects an error without one.
  if (failure.minor_status) expected.minor = Number(failure.minor_status);
  if (failure.location) expected.location = moduleName(findModule(failure.location, module, modules));
  return expected;
}

const EVERYTHING = [SOURCES, TESTS, BLS_TESTS];

const entry = ({ name, bytecode }) => ({ name, bytecode });

function frameworkContent(modules) {
  const packages = FRAMEWORK_PACKAGES.map(({ name, address, dependencies }) => ({
    name,
    address,
    dependencies,
    modules: modules.filter((module) => shortAddress(module.address) === address).map(entry),
  }));
  return { packages };
}

/** The file of one package: its bytecode with that of the packages it depends on, and the side table. */
function packageContent(one, compiled, declared, needed, known) {
  const own = declared.get(one.name);
  const inherited = needed.flatMap((name) => {
    // Of a package it depends on, everything but what only that package's own tests declare.
    const kept = new Set(declared.get(name).filter(({ file }) => !isTestFile(file)).map((module) => module.name));
    return compiled.get(name).filter((module) => kept.has(module.name));
  });
  const modules = [...inherited, ...compiled.get(one.name)].map(entry);
  const tests = own.flatMap((module) =>
    module.tests.map((test) => ({
      module: module.name,
      function: test.function,
      random: test.random,
      own_only: isIn(BLS_TESTS, module.file),
      parameters: test.parameters,
      expected: expectation(test, module, known),
    })),
  );
  const measured = own.filter(({ testOnly, file }) => !testOnly && !isTestFile(file));
  return {
    name: one.name,
    packages: [{ name: one.name, address: '0x0', dependencies: ['0x1', '0x2'], modules }],
    tests,
    measured: measured.map(({ name, file, functions, testFunctions }) => ({
      module: name,
      file,
      functions: Object.entries(functions)
        .filter(([called]) => !testFunctions.includes(called))
        .map(([called, line]) => ({ name: called === 'init' ? RENAMED_INIT : called, line })),
    })),
  };
}

/** Writes `DIR/framework.json` and, per selected package, `DIR/PACKAGE.json`. */
export async function writeTestBytecode(framework, packages, selected, needs, out) {
  const system = transformFramework(framework);
  writeWhole(
    path.join(out, 'framework.json'),
    JSON.stringify(frameworkContent(await compileBundle(frameworkBundle(system.framework)))),
  );
  const dependencies = new Map(needs.map(({ name, dependencies }) => [name, dependencies]));
  const wanted = new Set(selected.flatMap(({ name }) => [name, ...dependencies.get(name)]));
  const sources = (one, withTests) =>
    testsAmongSources(transform(sourceFiles(one.dir, withTests ? EVERYTHING : [SOURCES]), { witnesses: true }).files);
  const declared = new Map();
  const compiled = new Map();
  for (const one of packages.filter(({ name }) => wanted.has(name))) {
    declared.set(one.name, transform(sourceFiles(one.dir, EVERYTHING), { witnesses: true }).modules);
    compiled.set(one.name, await compileForTests(system.framework, packages, one, sources));
  }
  for (const one of selected) {
    const needed = dependencies.get(one.name);
    const known = [...system.modules, ...[one.name, ...needed].flatMap((name) => declared.get(name))];
    const content = packageContent(one, compiled, declared, needed, known);
    writeWhole(path.join(out, `${one.name}.json`), JSON.stringify(content));
    console.log(`${one.name}: ${content.packages[0].modules.length} modules, ${content.tests.length} tests`);
  }
  return true;
}
