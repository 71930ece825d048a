// TypeScript without a build step: `esbuild` makes a module of it, Node runs that.

import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { build } from 'esbuild';

const HERE = path.dirname(fileURLToPath(import.meta.url));

/** The module `album.ts`. */
export async function albumModule() {
  // Beside node_modules, where it finds the packages.
  const dir = await mkdtemp(path.join(HERE, '../node_modules/.album-'));
  try {
    const outfile = path.join(dir, 'album.mjs');
    const options = { bundle: true, packages: 'external', platform: 'node', format: 'esm', target: 'node20' };
    await build({ entryPoints: [path.join(HERE, 'album.ts')], outfile, logLevel: 'error', ...options });
    return await import(pathToFileURL(outfile).href);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
