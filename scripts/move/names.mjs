// What a name in a test's attributes means. Modules are those of `withoutTestAttributes`.
import { shortAddress } from './bytecode.mjs';
import { FRAMEWORK_PACKAGES } from './framework.mjs';

const NUMBERED = new Map(FRAMEWORK_PACKAGES.map(({ named, address }) => [address, named]));

/** Whether two spellings of an address are the same: a name, or one of the framework's numbers. */
function sameAddress(a, b) {
  const name = (text) => NUMBERED.get(/^0x/.test(text) ? shortAddress(text) : text) ?? text;
  return name(a) === name(b);
}

/** A module as the machine names it: every package of ours is at 0x0. */
export function moduleName({ address, name }) {
  const known = FRAMEWORK_PACKAGES.find((one) => sameAddress(one.named, address));
  return `${known ? known.address : '0x0'}::${name}`;
}

/** The full path that `path` means in `module`: an alias, or address and name. */
function fullPath(path, module) {
  return path.includes('::') ? path : (module.uses[path] ?? `${module.address}::${path}`);
}

/** The declared module that `path` names in `module`. */
export function findModule(path, module, modules) {
  if (path === 'Self') return module;
  const [address, name] = fullPath(path, module).split('::').slice(-2);
  const found = modules.find((one) => one.name === name && sameAddress(one.address, address));
  if (!found) throw new Error(`${module.name}: no module ${path}`);
  return found;
}

/** Whether the path of a constant leads, seen from `module`, into the framework. */
export function isOfFramework(text, module) {
  const [first] = text.replace(/^::/, '').split('::');
  const [address] = (module.uses[first] ?? first).split('::');
  return FRAMEWORK_PACKAGES.some(({ named }) => sameAddress(named, address));
}

/** The constant that the path `text` names in `module`: its module (`place`), `name`, and the `constant` itself. */
export function findConstant(text, module, modules) {
  const parts = text.replace(/^::/, '').split('::');
  const name = parts.pop();
  const imported = module.uses[name];
  if (parts.length === 0 && imported) return findConstant(imported, { ...module, uses: {} }, modules);
  const place = parts.length === 0 ? module : findModule(parts.join('::'), module, modules);
  const constant = place.constants.get(name);
  if (!constant) throw new Error(`${module.name}: no constant ${text}`);
  return { place, name, constant };
}
