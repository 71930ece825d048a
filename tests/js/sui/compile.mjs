// The package of `move/`, compiled with the npm build of the official compiler (the one of scripts/build-move).

import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { HERE, REPOSITORY } from './chain.mjs';

/**
 * Compiles it: `{ modules, dependencies }` as `Transaction.publish` takes them. `source` replaces the module `counter`
 * by another file of `move/`.
 */
export async function compile(source = 'sources/counter.move') {
  // Installs the compiler if need be.
  execFileSync(path.join(REPOSITORY, 'scripts/build-move'), ['--help'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const tool = path.join(REPOSITORY, 'scripts/move');
  const { compilePackage } = await import(path.join(tool, 'compiler.mjs'));
  const { loadFramework } = await import(path.join(tool, 'framework.mjs'));
  const dir = await mkdtemp(path.join(tmpdir(), 'counter-'));
  try {
    const from = path.join(HERE, 'move');
    await cp(path.join(from, 'Move.toml'), path.join(dir, 'Move.toml'));
    await cp(path.join(from, 'sources'), path.join(dir, 'sources'), { recursive: true });
    await cp(path.join(from, source), path.join(dir, 'sources/counter.move'));
    const one = { name: 'counter', dir, locals: [] };
    const { content } = await compilePackage(loadFramework(), [one], one);
    const [{ modules, dependencies }] = content.packages;
    return { modules: modules.map(({ bytecode }) => bytecode), dependencies };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
