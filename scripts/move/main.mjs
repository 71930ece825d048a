// The commands of scripts/build-move.
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { artifactFile, artifactText, inOrder, lockText, readArtifacts } from './artifacts.mjs';
import { MoveError, compileFramework, compilePackage, compilerVersion } from './compiler.mjs';
import { checkErrors } from './errors.mjs';
import { loadFramework } from './framework.mjs';
import { dependencyNames, discover, select } from './packages.mjs';
import { layout, writeWhole } from './paths.mjs';
import { roomOf } from './size.mjs';
import { writeTestBytecode } from './test-bytecode.mjs';
import { test } from './unit-tests.mjs';
import { verify } from './verify.mjs';

const HELP = `Compiles and tests the Move packages under move/ with the official Sui Move compiler. Examples (move/examples/) are
compiled and tested like the others, but no artifact of them is kept.

Usage:
  scripts/build-move framework                  compile the framework (0x1, 0x2, 0x3) to
                                                move/artifacts/framework.json
  scripts/build-move build [PACKAGE…]           compile packages to move/artifacts/PACKAGE.json; all, and the
                                                framework, when none is named
  scripts/build-move test [PACKAGE…] [--filter TEXT]
                                                run unit tests; with --filter, report only tests whose full name
                                                (package::module::test) contains TEXT (all of them run)
  scripts/build-move test-bytecode [PACKAGE…] --out DIR
                                                compile packages with their tests as ordinary bytecode, for running
                                                the tests on the embedded chain's VM: DIR/PACKAGE.json
  scripts/build-move errors                     fail when a package has an error constant that no test expects by name,
                                                other than those in DIR/untested-errors.json
  scripts/build-move check                      compile everything again; fail on compiler warnings, when an
                                                artifact or Move.lock differs by a byte or breaks a rule, and when
                                                a package leaves too little room for upgrades

Options:
  --move-dir DIR   folder of the packages, instead of move/ (artifacts go to DIR/artifacts)
  --help           this text

Examples:
  scripts/build-move build
  scripts/build-move test walrus
  scripts/build-move test walrus --filter storage_accounting::

Exit code: 0 success, 1 something failed, 2 wrong usage.
`;

function printWarnings(name, warnings) {
  if (warnings) console.log(`${name}: compiler warnings\n${warnings}`);
}

/** `verify` over artifact texts. */
function complaintsAbout(texts, packages) {
  const parsed = new Map([...texts].map(([name, text]) => [name, JSON.parse(text)]));
  return verify(parsed, dependencyNames(packages));
}

function writeArtifact(places, name, content) {
  const text = artifactText(content);
  writeWhole(artifactFile(places, name), text);
  const modules = content.packages.reduce((sum, one) => sum + one.modules.length, 0);
  console.log(`${name}: ${modules} modules`);
}

/** Compiles the framework when `withFramework`, and `selected`; then writes the lock file over all artifacts. */
async function build(places, packages, selected, withFramework) {
  const framework = loadFramework();
  if (withFramework) writeArtifact(places, 'framework', await compileFramework(framework));
  for (const one of selected) {
    const { content, warnings } = await compilePackage(framework, packages, one);
    printWarnings(one.name, warnings);
    if (one.example) console.log(`${one.name}: compiles`);
    else writeArtifact(places, one.name, content);
  }
  writeWhole(places.lock, lockText(await compilerVersion(), framework, readArtifacts(places)));
  // Packages that were not asked for may lag behind their sources; `check` is what insists on all of them.
  const names = [...(withFramework ? ['framework'] : []), ...selected.map(({ name }) => name)];
  const complaints = complaintsAbout(readArtifacts(places), packages.filter((one) => !one.example));
  const relevant = complaints.filter((text) => names.some((name) => text.startsWith(name)));
  for (const text of relevant) console.log(`error: ${text}`);
  return relevant.length === 0;
}

/** Compiles everything and compares it with what lies on disk. */
async function check(places, packages) {
  const framework = loadFramework();
  const committed = readArtifacts(places);
  const fresh = new Map([['framework', artifactText(await compileFramework(framework))]]);
  const complaints = [];
  for (const one of packages) {
    const { content, warnings } = await compilePackage(framework, packages, one);
    printWarnings(one.name, warnings);
    if (warnings) complaints.push(`${one.name}: compiler warnings`);
    if (one.example) continue;
    fresh.set(one.name, artifactText(content));
    const { enough, sentence } = roomOf(content.packages[0]);
    if (enough) console.log(sentence);
    else complaints.push(sentence);
  }
  for (const [name, text] of fresh) {
    if (committed.get(name) !== text) complaints.push(`${name}: the artifact differs from what its sources compile to`);
  }
  const lock = fs.existsSync(places.lock) ? fs.readFileSync(places.lock, 'utf8') : '';
  if (lock !== lockText(await compilerVersion(), framework, inOrder(fresh))) complaints.push('Move.lock: not up to date');
  complaints.push(...complaintsAbout(committed, packages.filter((one) => !one.example)));
  for (const text of complaints) console.log(`error: ${text}`);
  if (complaints.length > 0) console.log('\nrun scripts/build-move build and commit what it writes');
  else console.log(`${fresh.size} artifacts are what their sources compile to`);
  return complaints.length === 0;
}

function parseCommandLine() {
  const options = {
    help: { type: 'boolean', short: 'h' },
    filter: { type: 'string' },
    out: { type: 'string' },
    'move-dir': { type: 'string' },
  };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  return { values, command: positionals[0], names: positionals.slice(1) };
}

async function run({ values, command, names }) {
  const places = layout(values['move-dir']);
  const packages = discover(places.moveDir);
  switch (command) {
    case 'framework':
      return build(places, packages, [], true);
    case 'build':
      return build(places, packages, names.length > 0 ? select(packages, names) : packages, names.length === 0);
    case 'test':
      return test(loadFramework(), packages, select(packages, names), values.filter ?? '');
    case 'test-bytecode': {
      if (!values.out) return undefined;
      const selected = select(packages, names);
      return writeTestBytecode(loadFramework(), packages, selected, dependencyNames(packages), path.resolve(values.out));
    }
    case 'errors':
      return checkErrors(places.moveDir, packages);
    case 'check':
      return check(places, packages);
    default:
      return undefined;
  }
}

let commandLine;
try {
  commandLine = parseCommandLine();
} catch (error) {
  console.error(`build-move: ${error.message}\n\n${HELP}`);
  process.exit(2);
}
if (commandLine.values.help) {
  console.log(HELP);
  process.exit(0);
}
try {
  const success = await run(commandLine);
  if (success === undefined) {
    console.error(HELP);
    process.exitCode = 2;
  } else if (!success) process.exitCode = 1;
} catch (error) {
  // What the compiler says is for the reader as it is; anything else is a fault worth its trace.
  console.error(error instanceof MoveError ? error.message : `build-move: ${error.message}`);
  process.exitCode = 1;
}
