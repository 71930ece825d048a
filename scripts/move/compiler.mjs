// The official compiler and unit-test runner, and how they get the dependencies they ask for.
import path from 'node:path';
import { createRequire } from 'node:module';
import {
  dumpMovePackage,
  getPinnedSuiVersion,
  initMovePackageBuilder,
  testMovePackage,
} from '@zktx.io/sui-move-builder/full';
import { dependencyOrder, parseModule, shortAddress } from './bytecode.mjs';
import { FRAMEWORK_PACKAGES, frameworkBundle } from './framework.mjs';
import { SOURCES, TESTS, placeholder, sourceFiles } from './packages.mjs';

// The network decides nothing but the table of Published.toml that is read and the framework revision that an
// implicit dependency asks for; we answer the latter with the pinned framework.
const NETWORK = 'testnet';
const TESTNET_CHAIN = '4c78adac';
const PACKAGE = '@zktx.io/sui-move-builder';

/** A compiler error, with the compiler's text. */
export class MoveError extends Error {}

/** `{ package, version, sui }`: which compiler this is. */
export async function compilerVersion() {
  await initMovePackageBuilder();
  // The package exports no package.json: find it beside the entry it does export.
  const entry = createRequire(import.meta.url).resolve(PACKAGE);
  const require = createRequire(entry);
  const { version } = require(path.resolve(path.dirname(entry), '../../package.json'));
  return { package: PACKAGE, version, sui: await getPinnedSuiVersion() };
}

/** Makes a dependency look published as `{ id, originalId, version }`, so that dependents name it by that. */
function publishedAs({ id, originalId = id, version = 1 }) {
  return (
    `[published.${NETWORK}]\nchain-id = "${TESTNET_CHAIN}"\n` +
    `published-at = "${id}"\noriginal-id = "${originalId}"\nversion = ${version}\n`
  );
}

/** Every dependency is at its placeholder. */
const atPlaceholders = (name) => ({ id: placeholder(name) });

/**
 * Answers the compiler's requests out of the framework's sources and `packages`. `published` says for a name as what
 * that package is published; without it, dependencies are compiled in at 0x0.
 */
function fetcher(framework, packages, published, sources = (one) => sourceFiles(one.dir, [SOURCES])) {
  const frameworkFiles = (folder) => {
    const files = framework.folders[folder];
    if (!files) throw new Error(`the framework has no package ${folder}: only ${Object.keys(framework.folders)}`);
    return files;
  };
  return {
    async fetch(url, _revision, subdir = '') {
      if (!/github\.com\/MystenLabs\/sui(\.git)?\/?$/.test(url)) {
        throw new Error(`git dependency ${url}: only the framework and local packages can be depended on`);
      }
      return frameworkFiles(path.posix.basename(subdir));
    },
    async fetchLocal(local, { parentPackageName, parentSource }) {
      if (parentSource?.git) return frameworkFiles(path.posix.basename(local));
      const parent = packages.find((one) => one.name === parentPackageName);
      const dir = parent && path.resolve(parent.dir, local);
      const found = packages.find((one) => one.dir === dir);
      if (!found) throw new Error(`${parentPackageName} depends on ${local}, which is no package here`);
      const files = sources(found);
      return published ? { ...files, 'Published.toml': publishedAs(published(found.name)) } : files;
    },
    async fetchFile() {
      return null;
    },
    getResolvedSha(_url, revision) {
      return revision;
    },
  };
}

async function dump(what, input) {
  await initMovePackageBuilder();
  const result = await dumpMovePackage({ network: NETWORK, ...input });
  if ('error' in result) throw new MoveError(`${what} does not compile (${result.category}):\n${result.error}`);
  const modules = result.modules.map((bytecode) => ({ ...parseModule(Buffer.from(bytecode, 'base64')), bytecode }));
  return {
    modules: dependencyOrder(modules),
    dependencies: result.dependencies.map(shortAddress),
    warnings: result.warnings ?? '',
  };
}

const entry = ({ name, bytecode }) => ({ name, bytecode });

/** Compiles the framework: the artifact's content. Warnings about code that is not ours are left out. */
export async function compileFramework(framework) {
  const { modules } = await dump('the framework', { files: frameworkBundle(framework), silenceWarnings: true });
  const packages = FRAMEWORK_PACKAGES.map(({ name, address, dependencies }) => ({
    name,
    address,
    dependencies,
    modules: modules.filter((module) => shortAddress(module.address) === address).map(entry),
  }));
  return { packages };
}

/**
 * Compiles a package: the artifact's `content`, and the compiler's `warnings` (empty when none). Dependencies are named
 * by what `published` says of them, by their placeholders when it is not given.
 */
export async function compilePackage(framework, packages, one, published = atPlaceholders) {
  const { modules, dependencies, warnings } = await dump(one.name, {
    files: sourceFiles(one.dir, [SOURCES, TESTS]),
    fetcher: fetcher(framework, packages, published),
    silenceWarnings: false,
    lintFlag: 'default',
  });
  const content = { packages: [{ name: one.name, address: '0x0', dependencies, modules: modules.map(entry) }] };
  return { content, warnings };
}

/** Runs a package's unit tests: the runner's output, colours included. */
export async function runTests(framework, packages, one) {
  await initMovePackageBuilder();
  const result = await testMovePackage({
    files: sourceFiles(one.dir, [SOURCES, TESTS]),
    fetcher: fetcher(framework, packages, undefined),
    network: NETWORK,
    silenceWarnings: false,
  });
  if ('error' in result) throw new MoveError(`${one.name} does not compile (${result.category}):\n${result.error}`);
  return result;
}

/** Compiles sources of the whole framework (`files`: one bundle, see `frameworkBundle`): its modules. */
export async function compileBundle(files) {
  return (await dump('the framework with its test code', { files, silenceWarnings: true })).modules;
}

/**
 * Compiles a package out of `sources` (package → files), test functions having become ordinary ones. All unpublished
 * packages are at 0x0, as in a unit test; the modules of the packages it depends on are not in the result.
 */
export async function compileForTests(framework, packages, one, sources) {
  const input = {
    files: sources(one, true),
    fetcher: fetcher(framework, packages, undefined, (found) => sources(found, false)),
    silenceWarnings: true,
  };
  return (await dump(`${one.name} with its tests`, input)).modules;
}
