// How large a package object is, and how much of what a chain accepts it may take.
import { parseModule } from './bytecode.mjs';

/** `max_move_package_size` of the public networks, in bytes. */
const LIMIT = 102_400;
/**
 * What is to be left free: an upgrade adds types and functions, and removes nothing of what was published.
 */
const ROOM = 10_000;

// Beside modules a package object has its version, per type of its own an origin (names and an ID), and per dependency a link (ID, ID
// and version).
const VERSION_BYTES = 8;
const ORIGIN_BYTES = 32;
const LINK_BYTES = 32 + 32 + 8;

/** Bytes of the object of a compiled package (`{ modules, dependencies }` of an artifact), as a chain counts them. */
export function packageBytes({ modules, dependencies }) {
  let size = VERSION_BYTES + LINK_BYTES * dependencies.length;
  for (const { name, bytecode } of modules) {
    const bytes = Buffer.from(bytecode, 'base64');
    size += name.length + bytes.length;
    for (const type of parseModule(bytes).types) size += name.length + type.length + ORIGIN_BYTES;
  }
  return size;
}

/** How much room there is, as a sentence; `enough` when the next upgrade finds room. */
export function roomOf(one) {
  const size = packageBytes(one);
  return {
    enough: size + ROOM <= LIMIT,
    sentence: `${one.name} has ${size} of ${LIMIT} bytes; ${LIMIT - size} are left, ${ROOM} are to be left for upgrades`,
  };
}
