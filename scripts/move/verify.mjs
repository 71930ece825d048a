// Checks of finished artifacts: what deployment and the embedded chain rely on.
import { longAddress, parseModule } from './bytecode.mjs';
import { FRAMEWORK_PACKAGES } from './framework.mjs';
import { placeholder } from './packages.mjs';

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** The modules of an artifact's package, parsed; complains about what does not fit the package. */
function parsePackage(label, one, complain) {
  const keys = ['name', 'address', 'dependencies', 'modules'];
  if (!same(Object.keys(one), keys)) complain(`${label}: the keys are ${Object.keys(one)}, not ${keys}`);
  const self = longAddress(one.address);
  const allowed = new Set([self, ...one.dependencies.map(longAddress)]);
  const earlier = new Set();
  const names = one.modules.map(({ name }) => name);
  if (names.length === 0) complain(`${label}: no modules`);
  if (new Set(names).size !== names.length) complain(`${label}: a module name occurs twice`);
  return one.modules.map(({ name, bytecode }) => {
    const at = `${label}::${name}`;
    const bytes = Buffer.from(bytecode, 'base64');
    const module = parseModule(bytes);
    if (module.name !== name) complain(`${at}: the bytecode is of module ${module.name}`);
    if (module.address !== self) complain(`${at}: the module is at ${module.address}, not ${one.address}`);
    if (new Set(module.addresses).size !== module.addresses.length) {
      complain(`${at}: an address occurs twice in the address table`);
    }
    for (const used of module.handles) {
      if (!allowed.has(used.address)) complain(`${at}: uses ${used.address}::${used.name}, not a dependency`);
      const late = used.address === self && used.name !== name && !earlier.has(used.name);
      if (late) complain(`${at}: uses ${used.name}, which does not come before it`);
    }
    earlier.add(name);
    return { ...module, at, bytes };
  });
}

function verifyFramework(content, complain) {
  const shape = content.packages.map(({ name, address, dependencies }) => ({ name, address, dependencies }));
  const expected = FRAMEWORK_PACKAGES.map(({ name, address, dependencies }) => ({ name, address, dependencies }));
  if (!same(shape, expected)) complain(`framework: packages are ${JSON.stringify(shape)}`);
  for (const one of content.packages) parsePackage(`framework/${one.name}`, one, complain);
}

/** How often the 32 bytes of an address lie anywhere in the module. */
function occurrences(bytes, address) {
  const wanted = Buffer.from(address.slice(2), 'hex');
  let count = 0;
  for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + 1)) count += 1;
  return count;
}

/** A dependency is named by its placeholder, once per module that uses it, in the address table only. */
function verifyPlaceholder(label, modules, dependency, direct, complain) {
  const address = longAddress(placeholder(dependency));
  let users = 0;
  for (const { at, bytes, addresses, handles } of modules) {
    const used = handles.some((handle) => handle.address === address);
    const listed = addresses.filter((one) => one === address).length;
    if (used) users += 1;
    if (listed !== (used ? 1 : 0)) complain(`${at}: ${dependency} is ${listed} times in the address table`);
    // A constant `@wal` would keep the placeholder after deployment.
    if (occurrences(bytes, address) !== listed) complain(`${at}: the placeholder of ${dependency} is used as a value`);
  }
  if (direct && users === 0) complain(`${label}: no module uses ${dependency}, which it depends on`);
}

function verifyOwn({ name: one, direct, dependencies }, content, artifacts, complain) {
  if (content.packages.length !== 1) return complain(`${one}: ${content.packages.length} packages instead of one`);
  const [only] = content.packages;
  if (only.name !== one || only.address !== '0x0') complain(`${one}: holds ${only.name} at ${only.address}`);
  const expected = ['0x1', '0x2', ...dependencies.map(placeholder)].map(longAddress).sort();
  if (!same(only.dependencies.map(longAddress).sort(), expected)) {
    complain(`${one}: dependencies are ${only.dependencies}, expected ${expected}`);
  }
  const modules = parsePackage(one, only, complain);
  for (const dependency of dependencies) {
    verifyPlaceholder(one, modules, dependency, direct.includes(dependency), complain);
    const foreign = new Set(artifacts.get(dependency)?.packages[0].modules.map(({ bytecode }) => bytecode));
    for (const { name, bytecode } of only.modules) {
      if (foreign.has(bytecode)) complain(`${one}: carries the module ${name} of ${dependency}`);
    }
  }
  return undefined;
}

/**
 * Everything that is wrong with the artifacts (name → content), as sentences; none when all is well.
 * `packages`: for each of our packages its `name`, the names of the packages it depends on directly (`direct`)
 * and of all it needs (`dependencies`).
 */
export function verify(artifacts, packages) {
  const complaints = [];
  const complain = (text) => complaints.push(text);
  const guarded = (name, check) => {
    const content = artifacts.get(name);
    if (!content) return complain(`${name}: no artifact`);
    try {
      return check(content);
    } catch (error) {
      return complain(`${name}: ${error.message}`);
    }
  };
  guarded('framework', (content) => verifyFramework(content, complain));
  for (const one of packages) {
    guarded(one.name, (content) => verifyOwn(one, content, artifacts, complain));
  }
  const known = new Set(['framework', ...packages.map(({ name }) => name)]);
  for (const name of artifacts.keys()) if (!known.has(name)) complain(`${name}: an artifact of no package`);
  return complaints;
}
