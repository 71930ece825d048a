// Our packages: every folder of move/ with a Move.toml.
import fs from 'node:fs';
import path from 'node:path';
import { readTree } from './paths.mjs';

/** One value of a manifest's `[package]` table. */
function packageField(manifest, key) {
  const table = manifest.match(/^\s*\[package\]\s*$([\s\S]*?)(?=^\s*\[|(?![\s\S]))/m);
  return table?.[1].match(new RegExp(`^\\s*${key}\\s*=\\s*"([^"]*)"`, 'm'))?.[1];
}

/** The paths of a manifest's local dependencies, in both TOML spellings. */
function localDependencies(manifest) {
  return [...manifest.matchAll(/^[^#\n]*\blocal\s*=\s*"([^"]+)"/gm)].map((match) => match[1]);
}

/**
 * The address under which other packages name `name` before it is published: its name in capitals, read as a
 * number (`wal` → "WAL" → 0x57414c). Deployment replaces it by the real package ID.
 */
export function placeholder(name) {
  return `0x${Buffer.from(name.toUpperCase(), 'ascii').toString('hex')}`;
}

/** Where the examples lie: packages that are tested like the others, but neither deployed nor kept compiled. */
const EXAMPLES = 'examples';

/** The package in `dir`: `{ name, dir, locals }`, `locals` being folders of packages; undefined when there is none. */
function packageIn(dir) {
  const file = path.join(dir, 'Move.toml');
  if (!fs.existsSync(file)) return undefined;
  const manifest = fs.readFileSync(file, 'utf8');
  const name = packageField(manifest, 'name');
  if (!name) throw new Error(`${file}: [package] has no name`);
  const locals = localDependencies(manifest).map((local) => path.resolve(dir, local));
  return { name, dir, locals };
}

const foldersOf = (dir) =>
  fs.existsSync(dir) ? fs.readdirSync(dir).sort().map((folder) => path.join(dir, folder)) : [];

/** The package in `dir` after everything it depends on, wherever that lies. */
export function withDependencies(dir) {
  const ordered = [];
  const visit = (folder, trail) => {
    if (trail.includes(folder)) throw new Error(`packages depend on each other: ${[...trail, folder].join(' → ')}`);
    if (ordered.some((one) => one.dir === folder)) return;
    const one = packageIn(folder);
    const wanted = trail.length > 0 ? `, which ${trail.at(-1)} depends on` : '';
    if (!one) throw new Error(`${folder} has no Move.toml${wanted}`);
    for (const local of one.locals) visit(local, [...trail, folder]);
    ordered.push(one);
  };
  visit(path.resolve(dir), []);
  return ordered;
}

/**
 * All packages, dependencies before dependents: `{ name, dir, locals, example }`, `locals` being folders of packages.
 */
export function discover(moveDir) {
  const found = new Map();
  const examples = foldersOf(path.join(moveDir, EXAMPLES));
  for (const dir of [...foldersOf(moveDir), ...examples]) {
    const one = packageIn(dir);
    if (one) found.set(dir, { ...one, example: examples.includes(dir) });
  }
  const ordered = [];
  const visit = (dir, trail) => {
    const one = found.get(dir);
    if (!one) throw new Error(`${trail.at(-1)} depends on ${dir}, which is no package under ${moveDir}`);
    if (trail.includes(dir)) throw new Error(`packages depend on each other: ${[...trail, dir].join(' → ')}`);
    if (ordered.includes(one)) return;
    for (const local of one.locals) visit(local, [...trail, dir]);
    ordered.push(one);
  };
  for (const dir of found.keys()) visit(dir, []);
  return ordered;
}

/** Per package its `name`, and the names of its local dependencies: the `direct` ones and all (`dependencies`). */
export function dependencyNames(packages) {
  const byDir = new Map(packages.map((one) => [one.dir, one]));
  const needed = (one) => one.locals.flatMap((dir) => [byDir.get(dir).name, ...needed(byDir.get(dir))]);
  return packages.map((one) => ({
    name: one.name,
    direct: one.locals.map((dir) => byDir.get(dir).name),
    dependencies: [...new Set(needed(one))],
  }));
}

/** The packages named on the command line (all when none is), in dependency order. */
export function select(packages, names) {
  if (packages.length === 0) throw new Error('there is no Move package here');
  const unknown = names.filter((name) => !packages.some((one) => one.name === name));
  if (unknown.length > 0) {
    throw new Error(`no package ${unknown.join(', ')}; there are ${packages.map((one) => one.name).join(', ')}`);
  }
  return names.length === 0 ? packages : packages.filter((one) => names.includes(one.name));
}

/** Folders of a package: what is published, its unit tests, and those that need real answers about BLS signatures. */
export const SOURCES = 'sources';
export const TESTS = 'tests';
export const BLS_TESTS = 'tests_bls';

/**
 * What the compiler reads of a package: the manifest and the `.move` files of `folders`. Lock and publication files are
 * left out: they describe other chains.
 */
export function sourceFiles(dir, folders) {
  const inFolder = (file) => file.endsWith('.move') && folders.includes(file.split('/')[0]);
  return readTree(dir, (file) => file === 'Move.toml' || inFolder(file));
}
