// The Move sources of the framework: `std` at 0x1 and `sui` at 0x2 out of the crate that carries them, `sui_system` at 0x3
// out of this repository.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { REPOSITORY, TOOL_DIR, readTree, writeWhole } from './paths.mjs';

const CRATE = 'moverox-sui';
const MANIFEST = path.join(TOOL_DIR, 'framework', 'Cargo.toml');

/** Where the framework package of our own lies: beside the tool where a program carries it, otherwise in the repository. */
const CARRIED = path.join(TOOL_DIR, 'framework', 'own');
const OWN = fs.existsSync(CARRIED) ? CARRIED : path.join(REPOSITORY, 'move', 'framework');

/**
 * The framework packages in dependency order; `folder` is their folder's name upstream and in the crate. The crate has no
 * sources of 0x3: that package is `own`.
 */
export const FRAMEWORK_PACKAGES = [
  { name: 'MoveStdlib', named: 'std', address: '0x1', dependencies: [], folder: 'move-stdlib' },
  { name: 'Sui', named: 'sui', address: '0x2', dependencies: ['0x1'], folder: 'sui-framework' },
  { name: 'SuiSystem', named: 'sui_system', address: '0x3', dependencies: ['0x1', '0x2'], folder: 'sui-system', own: true },
];

function metadata(...flags) {
  const command = ['metadata', '--format-version', '1', '--locked', ...flags, '--manifest-path', MANIFEST];
  return JSON.parse(
    execFileSync('cargo', command, { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] }),
  );
}

/** What cargo says of the crate, downloading it only when this machine does not have it yet. */
function crateMetadata() {
  try {
    return metadata('--offline');
  } catch {
    try {
      return metadata();
    } catch (error) {
      throw new Error(`cargo could not get the crate ${CRATE}:\n${error.stderr ?? error.message}`);
    }
  }
}

const isSource = (file) => file === 'Move.toml' || file.endsWith('.move');

/** What `loadFramework` found when the tool was installed for a program: later runs need no cargo. */
const KEPT = path.join(TOOL_DIR, 'framework', 'kept.json');

/** Keeps the sources beside the tool. */
export function keepFramework() {
  writeWhole(KEPT, JSON.stringify(loadFramework()));
}

/** The sources: `version` of the crate, `sha256` over all files of the crate, and per folder the files. */
export function loadFramework() {
  if (fs.existsSync(KEPT)) return JSON.parse(fs.readFileSync(KEPT, 'utf8'));
  const found = crateMetadata().packages.find((one) => one.name === CRATE);
  if (!found) throw new Error(`cargo knows no crate ${CRATE}`);
  const root = path.join(path.dirname(found.manifest_path), 'move');
  const digest = createHash('sha256');
  const folders = {};
  for (const { folder, own } of FRAMEWORK_PACKAGES) {
    if (own) {
      folders[folder] = readTree(path.join(OWN, folder), isSource);
      continue;
    }
    const dir = path.join(root, folder);
    if (!fs.existsSync(dir)) throw new Error(`the crate ${CRATE} ${found.version} has no folder move/${folder}`);
    const files = readTree(dir, isSource);
    for (const [file, text] of Object.entries(files)) digest.update(`${folder}/${file}\0${text}\0`);
    folders[folder] = files;
  }
  return { crate: CRATE, version: found.version, sha256: digest.digest('hex'), folders };
}

/**
 * One package that holds all source trees, with all addresses given: the compiler forces the address of the
 * root package to 0x0, so the framework's packages cannot be roots themselves.
 */
export function frameworkBundle(framework) {
  const addresses = FRAMEWORK_PACKAGES.map(({ named, address }) => `${named} = "${address}"\n`).join('');
  const files = {
    'Move.toml':
      '[package]\nname = "FrameworkBundle"\nedition = "2024.beta"\nimplicit-dependencies = false\n\n' +
      `[addresses]\n${addresses}`,
  };
  for (const [folder, sources] of Object.entries(framework.folders)) {
    for (const [file, text] of Object.entries(sources)) {
      if (file.startsWith('sources/')) files[`sources/${folder}/${file.slice('sources/'.length)}`] = text;
    }
  }
  return files;
}
