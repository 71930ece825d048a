// The parts of a compiled Move module that linking depends on (Move binary format, version 6 and 7).

const MAGIC = 'a11ceb0b';
const TABLE = { moduleHandles: 0x1, datatypeHandles: 0x2, identifiers: 0x7, addresses: 0x8 };
const ADDRESS_LENGTH = 32;

/** A reader that refuses to run over the end. */
class Reader {
  constructor(bytes, offset = 0) {
    this.bytes = bytes;
    this.offset = offset;
  }
  get atEnd() {
    return this.offset >= this.bytes.length;
  }
  take(length) {
    if (this.offset + length > this.bytes.length) throw new Error('the module ends early');
    this.offset += length;
    return this.bytes.subarray(this.offset - length, this.offset);
  }
  uleb() {
    let value = 0;
    for (let shift = 0; shift < 32; shift += 7) {
      const byte = this.take(1)[0];
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new Error('a number of the module is too long');
  }
}

/** `0x` and 64 digits. */
export function longAddress(address) {
  return `0x${address.replace(/^0x/, '').padStart(2 * ADDRESS_LENGTH, '0')}`;
}

/** `0x` and as few digits as possible. */
export function shortAddress(address) {
  return `0x${address.replace(/^0x0*/, '') || '0'}`;
}

function tables(bytes) {
  const header = new Reader(bytes);
  if (header.take(4).toString('hex') !== MAGIC) throw new Error('not a Move module');
  const version = header.take(4).readUInt32LE() & 0xffffff;
  const places = [];
  for (let left = header.uleb(); left > 0; left -= 1) {
    places.push({ kind: header.take(1)[0], start: header.uleb(), length: header.uleb() });
  }
  const contents = new Map();
  let end = header.offset;
  for (const { kind, start, length } of places) {
    const body = new Reader(bytes, header.offset + start);
    contents.set(kind, new Reader(body.take(length)));
    end = Math.max(end, body.offset);
  }
  return { version, contents, tail: new Reader(bytes, end) };
}

function all(reader, one) {
  const items = [];
  while (reader && !reader.atEnd) items.push(one(reader));
  return items;
}

/**
 * `{ version, name, address, addresses, handles, types }`: who the module is, its address table, every module it
 * names (itself included) as `{ address, name }`, and the names of its own types. Addresses have 64 digits.
 */
export function parseModule(bytes) {
  const { version, contents, tail } = tables(bytes);
  const addresses = all(contents.get(TABLE.addresses), (r) => `0x${r.take(ADDRESS_LENGTH).toString('hex')}`);
  const identifiers = all(contents.get(TABLE.identifiers), (r) => r.take(r.uleb()).toString('ascii'));
  const handles = all(contents.get(TABLE.moduleHandles), (r) => ({
    address: addresses[r.uleb()],
    name: identifiers[r.uleb()],
  }));
  const self = handles[tail.uleb()];
  if (!self || handles.some(({ address, name }) => address === undefined || name === undefined)) {
    throw new Error('the module names something its tables do not hold');
  }
  const datatypes = all(contents.get(TABLE.datatypeHandles), (r) => {
    const datatype = { module: handles[r.uleb()], name: identifiers[r.uleb()] };
    r.take(1); // abilities
    r.take(2 * r.uleb()); // per type parameter its constraints and whether it is phantom
    return datatype;
  });
  const types = datatypes.filter(({ module }) => module === self).map(({ name }) => name);
  return { version, ...self, addresses, handles, types };
}

/** The modules (`{ address, name, handles, … }`) with everything a module uses before it, else by name. */
export function dependencyOrder(modules) {
  const key = ({ address, name }) => `${address}::${name}`;
  const byKey = new Map(modules.map((module) => [key(module), module]));
  const ordered = new Set();
  const visit = (module) => {
    if (ordered.has(module)) return;
    for (const used of module.handles.map(key).sort()) {
      const other = byKey.get(used);
      if (other && other !== module) visit(other);
    }
    ordered.add(module);
  };
  for (const name of [...byKey.keys()].sort()) visit(byKey.get(name));
  return [...ordered];
}
