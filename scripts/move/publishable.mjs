// Compiles a package for publication. `walrus devchain publish` carries this file and those it imports.
//
//   stdin:  { "path": FOLDER, "published": { NAME: { "id", "originalId"?, "version"? } } }, every dependency among them
//   stdout: { "modules": [BASE64], "dependencies": [ID], "warnings" }, modules after those that they use,
//           or { "error": TEXT }
import { MoveError, compilePackage } from './compiler.mjs';
import { loadFramework } from './framework.mjs';
import { withDependencies } from './packages.mjs';

async function compile({ path: dir, published }) {
  const packages = withDependencies(dir);
  const one = packages.at(-1);
  const where = (name) => {
    if (!published[name]) throw new MoveError(`say where ${name} is published (--published ${name}=ID)`);
    return published[name];
  };
  const { content, warnings } = await compilePackage(loadFramework(), packages, one, where);
  const [{ modules, dependencies }] = content.packages;
  return { modules: modules.map(({ bytecode }) => bytecode), dependencies, warnings };
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
