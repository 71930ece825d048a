// The package of `move/`, compiled with the npm build of the official compiler (the one of scripts/build-move).

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { HERE, REPOSITORY } from './chain.mjs';

const TOOL = path.join(REPOSITORY, 'scripts/move');
/** What was compiled before from the same sources by the same compiler. */
const CACHE = path.join(HERE, '../node_modules/.cache/walrus-tests-js');

/**
 * Compiles it: `{ modules, dependencies }` as `Transaction.publish` takes them. `source` replaces the module `counter`
 * by another file of `move/`.
 */
export async function compile(source = 'sources/counter.move') {
  const dir = await mkdtemp(path.join(tmpdir(), 'counter-'));
  try {
    const from = path.join(HERE, 'move');
    await cp(path.join(from, 'Move.toml'), path.join(dir, 'Move.toml'));
    await cp(path.join(from, 'sources'), path.join(dir, 'sources'), { recursive: true });
    await cp(path.join(from, source), path.join(dir, 'sources/counter.move'));
    const cached = path.join(CACHE, `${await digest(dir)}.json`);
    const before = await readFile(cached, 'utf8').catch(() => undefined);
    if (before !== undefined) return JSON.parse(before);
    const compiled = await build(dir);
    await mkdir(CACHE, { recursive: true });
    const temporary = `${cached}.${process.pid}`;
    await writeFile(temporary, JSON.stringify(compiled));
    await rename(temporary, cached);
    return compiled;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function digest(dir) {
  const hash = createHash('sha256');
  const files = [path.join(TOOL, 'package-lock.json'), path.join(TOOL, 'framework/Cargo.lock'), path.join(dir, 'Move.toml')];
  for (const name of (await readdir(path.join(dir, 'sources'))).sort()) files.push(path.join(dir, 'sources', name));
  for (const file of files) hash.update(path.basename(file)).update(await readFile(file));
  return hash.digest('hex');
}

async function build(dir) {
  // Installs the compiler if need be.
  execFileSync(path.join(REPOSITORY, 'scripts/build-move'), ['--help'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const { compilePackage } = await import(path.join(TOOL, 'compiler.mjs'));
  const { loadFramework } = await import(path.join(TOOL, 'framework.mjs'));
  const one = { name: 'counter', dir, locals: [] };
  const { content } = await compilePackage(loadFramework(), [one], one);
  const [{ modules, dependencies }] = content.packages;
  return { modules: modules.map(({ bytecode }) => bytecode), dependencies };
}
