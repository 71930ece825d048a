// Compiles a package for publication. `walrus devchain publish` carries this file and those it imports.
//
//   stdin:  { "path": FOLDER, "published": { NAME: { "id", "originalId"?, "version"? } } }
//   stdout: { "name", "modules": [{ "name", "bytecode" (base64) }], "dependencies": [ID], "warnings",
//             "sources": [{ "package", "id" (null: this package), "files": { path: text } }] }
//           or { "error": TEXT }
import path from 'node:path';
import { MoveError, compilePackage } from './compiler.mjs';
import { loadFramework } from './framework.mjs';
import { SOURCES, sourceFiles, withDependencies } from './packages.mjs';

function moveFiles(dir) {
  const files = Object.entries(sourceFiles(dir, [SOURCES])).filter(([file]) => file.endsWith('.move'));
  return Object.fromEntries(files.map(([file, text]) => [path.join(dir, file), text]));
}

async function compile({ path: dir, published, sourcesOnly }) {
  const packages = withDependencies(dir);
  const one = packages.at(-1);
  const dependencies = packages.slice(0, -1);
  const missing = dependencies.filter(({ name }) => !published[name]).map(({ name }) => name);
  if (missing.length > 0 && !sourcesOnly) {
    const options = missing.map((name) => `--published ${name}=ID`).join(' ');
    throw new MoveError(
      `${one.name} depends on ${missing.join(', ')}: say where that is published (${options}); ` +
        'walrus and wal are known when the chain is that of a local network',
    );
  }
  const sources = packages.map(({ name, dir: folder }) => ({
    package: name,
    id: folder === one.dir ? null : (published[name]?.id ?? null),
    files: moveFiles(folder),
  }));
  if (sourcesOnly) return { name: one.name, modules: [], dependencies: [], warnings: '', sources };
  const { content, warnings } = await compilePackage(loadFramework(), packages, one, (name) => published[name]);
  const [{ modules, dependencies: ids }] = content.packages;
  return { name: one.name, modules, dependencies: ids, warnings, sources };
}

async function standardInput() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

let answer;
try {
  answer = await compile(await standardInput());
} catch (error) {
  answer = { error: error instanceof MoveError ? error.message : `${error.message}` };
}
process.stdout.write(JSON.stringify(answer));
